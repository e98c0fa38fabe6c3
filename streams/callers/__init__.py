"""Contacts: who a caller is, as a CRM tells it over HTTP or in a file."""
