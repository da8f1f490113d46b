"""The expert: a rule-based planner on ground truth."""

from policies.expert.config import ExpertConfig
from policies.expert.decision import Decision, Reason
from policies.expert.policy import ExpertPolicy, make_expert

__all__ = ["Decision", "ExpertConfig", "ExpertPolicy", "Reason", "make_expert"]
