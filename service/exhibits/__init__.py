"""Exhibits: captures that are held, evidence that is sealed, and its verification by anyone."""
