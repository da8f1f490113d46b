"""The student's network, shared by training and driving."""

from policies.nets.student.model import Student, StudentOutput, number_format

__all__ = ["Student", "StudentOutput", "number_format"]
