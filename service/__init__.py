"""The memory and the hands of Likeness: people, cases, evidence, notices, reports, web and jobs."""
