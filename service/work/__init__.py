"""Durable work: workflows, schedules, and the processes that look."""
