-- Sends the requests of a file in turn, and prints what wrk measured as one line of JSON. See http_load.py.
-- Arguments: the file of requests; or that, the name of an object in the answers, and a file to keep those objects in.
local requests, turn = {}, 0

function init(arguments)
   for line in io.lines(arguments[1]) do
      local method, path, key, body = line:match("^(%S+)\t(%S+)\t(%S*)\t(.*)$")
      local headers = { ["content-type"] = "application/json" }
      if key ~= "" then headers["authorization"] = "Bearer " .. key end
      requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
   end
   if arguments[2] then
      local object, kept = '"' .. arguments[2] .. '":%s*(%b{})', io.open(arguments[3], "w")
      function response(status, headers, body) -- only where asked for: with it, wrk copies every answer
         local found = body:match(object)
         if found then kept:write(found, "\n") end
      end
   end
end

function request()
   turn = turn % #requests + 1
   return requests[turn]
end

function done(summary, latency)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format(
      '\nRESULT {"requests": %d, "failed": %d, "queries_per_second": %.1f, "p50_ms": %.2f, "p95_ms": %.2f, "p99_ms": %.2f}\n',
      summary.requests, failed, summary.requests / summary.duration * 1e6,
      latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
