# namespace/name
terraform import azwi_service_account.this demo/orders
