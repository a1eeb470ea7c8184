"""The tap `crm`: what happens in conversations, as contacts and notes in a tenant's CRM."""
