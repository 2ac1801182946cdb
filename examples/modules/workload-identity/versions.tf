terraform {
  # Validations that compare several variables need Terraform 1.9 or OpenTofu 1.9.
  required_version = ">= 1.9"

  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}
