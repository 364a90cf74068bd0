"""What a fit says about the numbers behind it: standard errors, intervals, tests, the bootstrap."""

from gmoe.inference.bootstrap import Bootstrap, bootstrap
from gmoe.inference.estimates import Estimates, Labelled
from gmoe.inference.inference import Inference, infer
from gmoe.inference.likelihood_ratio import likelihood_ratio_test
from gmoe.inference.number_of_experts import ExpertsTest, n_experts_test
from gmoe.inference.percentiles import Draws
from gmoe.inference.profile import profile_interval
from gmoe.inference.sentences import certificate_lines, explain
from gmoe.inference.summary import Summary
from gmoe.inference.wald import HypothesisTest, wald_test

__all__ = [
    "Bootstrap",
    "Draws",
    "Estimates",
    "ExpertsTest",
    "HypothesisTest",
    "Inference",
    "Labelled",
    "Summary",
    "bootstrap",
    "certificate_lines",
    "explain",
    "infer",
    "likelihood_ratio_test",
    "n_experts_test",
    "profile_interval",
    "wald_test",
]
