"""What people find spots with, one module a method, each given the same view of a stack."""
