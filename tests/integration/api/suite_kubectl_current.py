# SPDX-License-Identifier: Apache-2.0
"""Proves that a current kubectl, with validation on, does with Services and Pods what people do all day."""
import examples_cases
import kubectl_cases
from kubectl import current, scenarios

globals().update(scenarios(kubectl_cases, current))
globals().update(scenarios(examples_cases, current))
