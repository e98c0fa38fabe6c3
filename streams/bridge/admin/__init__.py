"""What a CRM, a desk and recording bridges tell the bridge over HTTP, each with a token of its own role."""
