"""HTTP endpoints for a CRM, agents' presence and recording bridges; each role has its token."""
