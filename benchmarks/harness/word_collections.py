"""Made collections to measure words by: Chinese, Japanese and Thai help pages, and this repository's own code."""

import ast
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOTS = ("indexing", "app", "eval")
_MIN_WORDS = 4
"""Of a docstring's first line that serves as a query."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Texts and queries; query ``i`` asks for text ``i``."""

    texts: list[str]
    queries: list[str]


_SETS = {
    # Things, topics as (title, sentence, question), each with a place for the thing; a sentence that all have.
    "chinese": (
        ["洗衣机", "冰箱", "电视机", "空调", "打印机", "路由器", "相机", "手表", "吸尘器", "微波炉"],
        [
            ("{}的退货政策", "购买{}的客户可以在三十天内申请退货。", "怎么把{}退货?"),
            ("{}的安装方法", "师傅会上门安装{},请提前预约时间。", "谁来安装{}"),
            ("{}的清洁与保养", "每个月清洁一次{},可以延长寿命。", "{}要多久清洁一次"),
            ("{}的保修期", "{}的保修期是两年,请保存发票。", "请问{}保修多少年"),
            ("{}无法启动", "如果{}无法启动,请检查电源插头。", "我的{}不能启动怎么办"),
            ("{}的配送费用", "{}的配送费用按照距离计算。", "{}配送要多少钱"),
            ("{}的节能等级", "{}的节能等级写在背面的标签上。", "哪里看{}的节能等级"),
            ("{}噪音太大", "{}噪音太大的时候,请把它放平。", "{}有噪音"),
            ("{}的说明书下载", "可以在网站上下载{}的说明书。", "下载{}说明书"),
            ("{}的回收服务", "旧的{}可以交给我们回收。", "旧{}如何回收"),
        ],
        "如需更多帮助,请联系客户服务中心。",
    ),
    "japanese": (
        ["洗濯機", "冷蔵庫", "テレビ", "エアコン", "プリンター", "ルーター", "カメラ", "腕時計", "掃除機",
         "電子レンジ"],
        [
            ("{}の返品について", "{}は三十日以内に返品を申請できます。", "{}を返品したい"),
            ("{}の設置方法", "担当者がご自宅で{}を設置します。", "{}の設置は誰がしますか"),
            ("{}の手入れ", "{}の手入れは月に一度行ってください。", "{}の手入れはどうする"),
            ("{}の保証期間", "{}の保証期間は二年です。", "{}の保証は何年"),
            ("{}が起動しない", "{}が起動しないときは電源を確認してください。", "{}の電源が入らず起動しない"),
            ("{}の配送料金", "{}の配送料金は距離で決まります。", "{}の配送料金はいくら"),
            ("{}の省エネ", "{}の省エネ性能は背面の表示にあります。", "{}の省エネ性能を知りたい"),
            ("{}の騒音", "{}の騒音が大きいときは水平に置いてください。", "{}の騒音がひどい"),
            ("{}の説明書", "{}の説明書はサイトから取得できます。", "{}の説明書が欲しい"),
            ("{}の回収", "古い{}は当社が回収します。", "古い{}を回収して"),
        ],
        "ご不明な点はお客様窓口までご連絡ください。",
    ),
    "thai": (
        [
            "เครื่องซักผ้า", "ตู้เย็น", "โทรทัศน์", "เครื่องปรับอากาศ", "เครื่องพิมพ์",
            "เราเตอร์", "กล้องถ่ายรูป", "นาฬิกาข้อมือ", "เครื่องดูดฝุ่น", "ไมโครเวฟ",
        ],
        [
            ("การคืน{}", "ลูกค้าสามารถขอคืน{}ได้ภายในสามสิบวัน", "อยากคืน{}ต้องทำอย่างไร"),
            ("การติดตั้ง{}", "ช่างจะไปติดตั้ง{}ที่บ้านของคุณ", "ใครติดตั้ง{}"),
            ("การทำความสะอาด{}", "ควรทำความสะอาด{}เดือนละครั้ง", "ทำความสะอาด{}บ่อยแค่ไหน"),
            ("การรับประกัน{}", "เรารับประกัน{}เป็นเวลาสองปี", "รับประกัน{}กี่ปี"),
            ("{}เปิดไม่ติด", "หาก{}เปิดไม่ติดให้ตรวจสอบปลั๊กไฟ", "ทำไม{}เปิดไม่ติด"),
            ("ค่าจัดส่ง{}", "ค่าจัดส่ง{}ขึ้นอยู่กับระยะทาง", "ค่าจัดส่ง{}เท่าไร"),
            ("การประหยัดไฟของ{}", "ดูระดับการประหยัดไฟของ{}ได้ที่ฉลาก", "{}ประหยัดไฟไหม"),
            ("{}เสียงดัง", "ถ้า{}เสียงดังให้วางบนพื้นเรียบ", "{}มีเสียงดังมาก"),
            ("คู่มือของ{}", "ดาวน์โหลดคู่มือของ{}ได้จากเว็บไซต์", "หาคู่มือ{}ได้ที่ไหน"),
            ("การรีไซเคิล{}", "เรารับรีไซเคิล{}เก่าทุกวัน", "รีไซเคิล{}เก่าที่ไหน"),
        ],
        "หากต้องการความช่วยเหลือโปรดติดต่อฝ่ายบริการลูกค้า",
    ),
}  # fmt: skip
LANGUAGES = tuple(_SETS)
"""Languages without spaces of which there is a collection, 100 texts and 100 queries each."""


def pages(language: str) -> Collection:
    """Help pages in a language: one on each topic of each thing, and a question that asks for it in other words."""
    things, topics, common = _SETS[language]
    pairs = list(itertools.product(things, topics))
    texts = [f"{title}\n{sentence}{common}".replace("{}", thing) for thing, (title, sentence, _) in pairs]
    return Collection(texts, [question.replace("{}", thing) for thing, (*_, question) in pairs])


def code(root: Path, most: int | None = None) -> Collection:
    """This repository's functions, all or so many, without docstrings; each is asked for by its own's first line."""
    paths = sorted(one for folder in _ROOTS for one in (root / folder).rglob("*.py"))
    found = (one for path in paths for one in _functions(path.read_text(encoding="utf-8")))
    queries, texts = zip(*itertools.islice(found, most), strict=True)
    return Collection(list(texts), list(queries))


def _functions(source: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or not (told := ast.get_docstring(node)) or len(node.body) == 1:
            continue
        query = told.splitlines()[0].replace("`", "")
        if len(query.split()) >= _MIN_WORDS and not query.startswith("See "):
            kept = ast.FunctionDef(**{**dict(ast.iter_fields(node)), "body": node.body[1:]})
            yield query, ast.unparse(ast.copy_location(kept, node))


def corpus(folder: Path) -> dict[str, str]:
    """The texts of a collection in BEIR layout, by id."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return {record["_id"]: f"{record.get('title') or ''}\n{record['text']}" for record in records}
