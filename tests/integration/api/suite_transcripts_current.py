# SPDX-License-Identifier: Apache-2.0
"""Proves that a current kubectl prints what it prints with a stock API server: transcripts/1.36."""
from kubectl import current
from transcripts import transcripts

# The ranges of the server that was recorded.
OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
globals().update(transcripts('1.36', current, __name__))
