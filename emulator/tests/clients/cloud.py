"""The emulated cloud as the clients reach it: who signs in, and what every test makes and leaves behind as it was."""

import json
import os
import pathlib
import ssl
import tempfile
import unittest
import urllib.request
import uuid

import kubernetes
from azure.identity import ClientSecretCredential, WorkloadIdentityCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential, Identity

SUBSCRIPTION = os.environ["ARM_SUBSCRIPTION_ID"]
TENANT = os.environ["ARM_TENANT_ID"]
URL = os.environ["AZWI_EMULATOR_URL"]
GROUP = "rg-demo"
ARM = {"base_url": os.environ["ARM_RESOURCE_MANAGER_ENDPOINT"], "credential_scopes": ["https://management.azure.com/.default"]}
ISSUER = f"{URL}/oidc/demo/"
AUDIENCE = "api://AzureADTokenExchange"
KEY_VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


def credential(secret=None):
    """The seeded application's."""
    return ClientSecretCredential(
        TENANT,
        os.environ["ARM_CLIENT_ID"],
        secret or os.environ["ARM_CLIENT_SECRET"],
        authority=os.environ["AZURE_AUTHORITY_HOST"],
        disable_instance_discovery=True,
    )


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def ask(method, path, body=None):
    """The emulator itself, of which no cloud knows."""
    request = urllib.request.Request(f"{URL}/_emulator/{path}", method=method, data=json.dumps(body).encode() if body else None)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])) as answer:
        said = answer.read()
        return json.loads(said) if said else None


def control(method, body=None):
    """The emulator's settings."""
    return ask(method, "settings", body)


def seed(more):
    """Adds what this seed names."""
    return ask("POST", "seed", more)


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.credential = credential()
        cls.msi = ManagedServiceIdentityClient(cls.credential, SUBSCRIPTION, **ARM)
        cls.roles = AuthorizationManagementClient(cls.credential, SUBSCRIPTION, **ARM)
        cls.aks = ContainerServiceClient(cls.credential, SUBSCRIPTION, **ARM)
        kubernetes.config.load_kube_config(os.environ["KUBECONFIG"], context="demo")
        cls.core = kubernetes.client.CoreV1Api()

    def identity(self):
        """A new identity, gone at the end of the test."""
        name = unique("sdk")
        made = self.msi.user_assigned_identities.create_or_update(GROUP, name, Identity(location="westeurope"))
        self.addCleanup(self.msi.user_assigned_identities.delete, GROUP, name)
        return made

    def trust(self, identity, name, subject, audience=AUDIENCE):
        body = FederatedIdentityCredential(issuer=ISSUER, subject=subject, audiences=[audience])
        return self.msi.federated_identity_credentials.create_or_update(GROUP, identity.name, name, body)

    def account(self):
        """A new service account, gone at the end of the test."""
        name = unique("sdk")
        self.core.create_namespaced_service_account("demo", {"metadata": {"name": name}})
        self.addCleanup(self.core.delete_namespaced_service_account, name, "demo")
        return name

    def settings(self, **changes):
        """Changes how the emulator behaves until the end of the test."""
        before = control("GET")
        control("PATCH", changes)
        self.addCleanup(control, "PATCH", {name: before[name] for name in changes})

    def assign(self, identity, role, scope):
        """Assigns a role to an identity until the end of the test."""
        name = str(uuid.uuid4())
        body = RoleAssignmentCreateParameters(
            role_definition_id=f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            principal_id=str(identity.principal_id),
            principal_type="ServicePrincipal",
        )
        self.roles.role_assignments.create(scope, name, body)
        self.addCleanup(self.roles.role_assignments.delete, scope, name)

    def token(self, account, audiences):
        body = {"spec": {"audiences": audiences, "expirationSeconds": 3600}}
        return self.core.create_namespaced_service_account_token(account, "demo", body).status.token

    def pod(self, identity, account):
        """What a pod that runs under the account signs in with."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = pathlib.Path(folder.name) / "token"
        file.write_text(self.token(account, [AUDIENCE]))
        return WorkloadIdentityCredential(
            tenant_id=TENANT,
            client_id=identity.client_id,
            token_file_path=str(file),
            authority=os.environ["AZURE_AUTHORITY_HOST"],
            disable_instance_discovery=True,
        )
