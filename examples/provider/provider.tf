terraform {
  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

provider "azwi" {
  # How to sign in is best left to the environment: ARM_TENANT_ID, ARM_CLIENT_ID and, for example, ARM_USE_OIDC.
  subscription_id = "20000000-0000-4000-8000-000000000001"

  kubernetes {
    config_path    = "~/.kube/config"
    config_context = "demo"
  }
}
