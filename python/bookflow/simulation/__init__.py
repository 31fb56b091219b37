"""Seeded market-by-order sessions, for demonstrations and tests."""

from bookflow.simulation.session import Burst, Simulation, simulate

__all__ = ["Burst", "Simulation", "simulate"]
