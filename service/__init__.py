"""The memory and the hands of Likeness: people, cases, evidence, notices, reports, web and jobs."""

__version__ = "0.1.0"
