"""What the schedule does about quality: evaluations, drift, judgments, retention, skew."""
