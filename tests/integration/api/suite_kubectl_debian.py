# SPDX-License-Identifier: Apache-2.0
"""Proves that Debian 12's kubectl (1.20), with validation on, does with Services and Pods what people do all day."""
import examples_cases
import kubectl_cases
from kubectl import debian, scenarios

globals().update(scenarios(kubectl_cases, debian))
globals().update(scenarios(examples_cases, debian))
