"""Contacts: who a caller is, from a CRM over HTTP or from a file."""
