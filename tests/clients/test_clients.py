"""Microsoft's and Kubernetes' own Python clients against the emulator: what they expect of a cloud, not what we do.

Run by `make test-clients`, which installs the clients of requirements.txt into .tools and starts the emulator. Each test
has identities and service accounts of its own.
"""

import json
import os
import pathlib
import ssl
import tempfile
import unittest
import urllib.request
import uuid

import kubernetes
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.identity import ClientSecretCredential, WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
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


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.credential = credential()
        cls.msi = ManagedServiceIdentityClient(cls.credential, SUBSCRIPTION, **ARM)
        cls.roles = AuthorizationManagementClient(cls.credential, SUBSCRIPTION, **ARM)
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


class SignIn(Clients):
    def test_a_secret_gets_a_token_and_a_wrong_one_says_why(self):
        self.assertTrue(self.credential.get_token("https://management.azure.com/.default").token)
        with self.assertRaises(ClientAuthenticationError) as refused:
            credential("wrong").get_token("https://management.azure.com/.default")
        self.assertIn("AADSTS7000215", str(refused.exception))

    def test_a_pods_token_becomes_an_access_token_of_the_identity(self):
        identity, account = self.identity(), self.account()
        subject = f"system:serviceaccount:demo:{account}"
        self.trust(identity, "pod", subject)
        self.assertTrue(self.pod(identity, account).get_token("https://management.azure.com/.default").token)
        with self.assertRaises(ClientAuthenticationError) as refused:
            self.pod(identity, self.account()).get_token("https://management.azure.com/.default")
        self.assertIn("AADSTS700213", str(refused.exception))


class KeyVault(Clients):
    """The end of the chain: a secret, which a pod's token reads with the role and does not without."""

    def vault(self):
        """The seeded vault, as Resource Manager describes it."""
        vault_id = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.KeyVault/vaults/kv-demo"
        token = self.credential.get_token("https://management.azure.com/.default").token
        context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        request = urllib.request.Request(f"{URL}{vault_id}?api-version=2023-07-01", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, context=context) as answer:
            return vault_id, json.load(answer)["properties"]["vaultUri"]

    def bound(self):
        """An identity that trusts a new account, and a pod's credential."""
        identity, account = self.identity(), self.account()
        self.trust(identity, "pod", f"system:serviceaccount:demo:{account}")
        return identity, self.pod(identity, account)

    def secrets(self, uri, credential):
        # The SDK checks that the challenge's host is the vault's, which a local vault's cannot be.
        return SecretClient(uri, credential, verify_challenge_resource=False)

    def test_a_pods_token_reads_the_secret_with_the_role_and_is_refused_without(self):
        vault_id, uri = self.vault()
        identity, pod = self.bound()
        with self.assertRaises(HttpResponseError) as refused:
            self.secrets(uri, pod).get_secret("db-password")
        self.assertEqual(refused.exception.status_code, 403)
        self.assertIn("ForbiddenByRbac", str(refused.exception.response.text()))
        self.assign(identity, KEY_VAULT_SECRETS_USER, vault_id)
        self.assertEqual(self.secrets(uri, pod).get_secret("db-password").value, "correct horse battery staple")
        with self.assertRaises(HttpResponseError) as readonly:
            self.secrets(uri, pod).set_secret("mine", "1")
        self.assertEqual(readonly.exception.status_code, 403)

    def test_an_officer_sets_lists_and_reads_versions(self):
        vault_id, uri = self.vault()
        identity, pod = self.bound()
        self.assign(identity, KEY_VAULT_SECRETS_OFFICER, vault_id.rsplit("/providers/", 1)[0])
        secrets, name = self.secrets(uri, pod), unique("secret")
        first = secrets.set_secret(name, "one")
        secrets.set_secret(name, "two")
        self.assertEqual(secrets.get_secret(name).value, "two")
        self.assertEqual(secrets.get_secret(name, first.properties.version).value, "one")
        self.assertIn(name, [found.name for found in secrets.list_properties_of_secrets()])
        with self.assertRaises(ResourceNotFoundError) as missing:
            secrets.get_secret("nothing")
        self.assertEqual(missing.exception.error.code, "SecretNotFound")


class ManagedIdentities(Clients):
    def test_an_identity_is_made_tagged_listed_and_deleted(self):
        identity = self.identity()
        self.assertEqual(len(str(identity.principal_id)), 36)
        updated = self.msi.user_assigned_identities.update(GROUP, identity.name, {"tags": {"team": "shop"}})
        self.assertEqual(updated.tags, {"team": "shop"})
        listed = [found.name for found in self.msi.user_assigned_identities.list_by_resource_group(GROUP)]
        self.assertIn(identity.name, listed)
        self.msi.user_assigned_identities.delete(GROUP, identity.name)
        with self.assertRaises(ResourceNotFoundError) as gone:
            self.msi.user_assigned_identities.get(GROUP, identity.name)
        self.assertEqual(gone.exception.error.code, "ResourceNotFound")

    def test_credentials_are_listed_over_pages_changed_and_deleted(self):
        identity = self.identity()
        names = [f"credential-{n}" for n in range(5)]
        for name in names:
            self.trust(identity, name, f"system:serviceaccount:demo:{name}")
        found = self.msi.federated_identity_credentials.list(GROUP, identity.name, top=2)
        pages = [[one.name for one in page] for page in found.by_page()]
        self.assertEqual((len(pages), sorted(sum(pages, []))), (3, names))
        changed = self.trust(identity, names[0], "system:serviceaccount:demo:other")
        self.assertEqual(changed.subject, "system:serviceaccount:demo:other")
        self.msi.federated_identity_credentials.delete(GROUP, identity.name, names[0])
        with self.assertRaises(ResourceNotFoundError):
            self.msi.federated_identity_credentials.get(GROUP, identity.name, names[0])

    def test_the_rules_of_credentials_are_the_sdks_own_errors(self):
        identity = self.identity()
        self.trust(identity, "first", "system:serviceaccount:demo:one")
        with self.assertRaises(HttpResponseError) as twice:
            self.trust(identity, "second", "system:serviceaccount:demo:one")
        self.assertIn("Issuer and subject combination already exists", twice.exception.message)
        with self.assertRaises(HttpResponseError) as audiences:
            body = FederatedIdentityCredential(issuer=ISSUER, subject="x", audiences=["one", "two"])
            self.msi.federated_identity_credentials.create_or_update(GROUP, identity.name, "third", body)
        self.assertIn("exactly one audience", audiences.exception.message)
        with self.assertRaises(ResourceNotFoundError):
            self.msi.federated_identity_credentials.create_or_update(GROUP, unique("nobody"), "first", FederatedIdentityCredential(
                issuer=ISSUER, subject="x", audiences=[AUDIENCE]))


class Roles(Clients):
    def test_a_role_is_found_assigned_listed_and_taken_away(self):
        identity = self.identity()
        scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
        [role] = self.roles.role_definitions.list(scope, filter="roleName eq 'Key Vault Secrets User'")
        self.assertEqual(role.name, KEY_VAULT_SECRETS_USER)
        name = str(uuid.uuid4())
        body = RoleAssignmentCreateParameters(
            role_definition_id=role.id, principal_id=str(identity.principal_id), principal_type="ServicePrincipal"
        )
        made = self.roles.role_assignments.create(scope, name, body)
        self.assertEqual(made.name, name)
        with self.assertRaises(HttpResponseError) as twice:
            self.roles.role_assignments.create(scope, str(uuid.uuid4()), body)
        self.assertEqual((twice.exception.status_code, twice.exception.error.code), (409, "RoleAssignmentExists"))
        found = self.roles.role_assignments.list_for_scope(scope, filter=f"principalId eq '{identity.principal_id}'")
        self.assertEqual([one.name for one in found], [name])
        self.assertEqual(self.roles.role_assignments.delete(scope, name).name, name)
        self.assertIsNone(self.roles.role_assignments.delete(scope, name))

    def test_a_principal_that_nobody_knows_is_told(self):
        scope = f"/subscriptions/{SUBSCRIPTION}"
        role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{KEY_VAULT_SECRETS_USER}"
        body = RoleAssignmentCreateParameters(role_definition_id=role, principal_id=str(uuid.uuid4()))
        with self.assertRaises(HttpResponseError) as unknown:
            self.roles.role_assignments.create(scope, str(uuid.uuid4()), body)
        self.assertEqual((unknown.exception.status_code, unknown.exception.error.code), (400, "PrincipalNotFound"))


class ServiceAccounts(Clients):
    def test_an_account_is_patched_listed_over_pages_and_deleted(self):
        names = [self.account() for _ in range(3)]
        patch = {"metadata": {"annotations": {"azure.workload.identity/client-id": "x"}}}
        patched = self.core.patch_namespaced_service_account(names[0], "demo", patch)
        self.assertEqual(patched.metadata.annotations, {"azure.workload.identity/client-id": "x"})
        found, following = [], None
        while True:
            page = self.core.list_namespaced_service_account("demo", limit=2, _continue=following)
            found += [one.metadata.name for one in page.items]
            following = page.metadata._continue
            if not following:
                break
        self.assertLessEqual(set(names), set(found))

    def test_errors_are_statuses(self):
        with self.assertRaises(kubernetes.client.ApiException) as missing:
            self.core.read_namespaced_service_account("nobody", "demo")
        self.assertEqual((missing.exception.status, json.loads(missing.exception.body)["reason"]), (404, "NotFound"))
        account = self.account()
        with self.assertRaises(kubernetes.client.ApiException) as twice:
            self.core.create_namespaced_service_account("demo", {"metadata": {"name": account}})
        self.assertEqual((twice.exception.status, json.loads(twice.exception.body)["reason"]), (409, "AlreadyExists"))
        with self.assertRaises(kubernetes.client.ApiException) as short:
            self.core.create_namespaced_service_account_token(account, "demo", {"spec": {"expirationSeconds": 60}})
        self.assertEqual(short.exception.status, 422)


if __name__ == "__main__":
    unittest.main()
