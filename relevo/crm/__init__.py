"""What a tenant's CRM would be told, before it is."""
