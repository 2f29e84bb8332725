"""Numbers about answers: metrics, intervals, percentiles. Knows no tier and no model."""
