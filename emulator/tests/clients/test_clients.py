"""Microsoft's and Kubernetes' own Python clients against the emulator: what they expect of a cloud, not what we do.

Run by `make test-clients`, which installs the clients of requirements.txt into .tools and starts the emulator. Each test
has identities and service accounts of its own.
"""

import concurrent.futures
import json
import unittest
import uuid

import kubernetes
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential, Identity
from cloud import ARM, AUDIENCE, GROUP, ISSUER, KEY_VAULT_SECRETS_USER, SUBSCRIPTION, Clients, credential, unique


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


    def test_identities_are_listed_over_pages_of_group_and_subscription(self):
        names = {self.identity().name for _ in range(3)}
        self.settings(page_size=2)
        for found in (
            self.msi.user_assigned_identities.list_by_resource_group(GROUP),
            self.msi.user_assigned_identities.list_by_subscription(),
        ):
            pages = [[one.name for one in page] for page in found.by_page()]
            self.assertGreaterEqual(len(pages), 2)
            self.assertLessEqual(names, set(sum(pages, [])))

    def test_an_identity_in_another_region_is_a_conflict_and_another_audience_no_authentication(self):
        identity = self.identity()
        with self.assertRaises(ResourceExistsError) as elsewhere:
            self.msi.user_assigned_identities.create_or_update(GROUP, identity.name, Identity(location="eastus"))
        self.assertEqual(elsewhere.exception.error.code, "InvalidResourceLocation")
        with self.assertRaises(HttpResponseError) as nowhere:
            self.msi.user_assigned_identities.create_or_update(GROUP, unique("sdk"), Identity(location="mars"))
        self.assertEqual(nowhere.exception.error.code, "LocationNotAvailableForResourceType")
        for_vaults = ManagedServiceIdentityClient(
            self.credential, SUBSCRIPTION, base_url=ARM["base_url"], credential_scopes=["https://vault.azure.net/.default"]
        )
        with self.assertRaises(ClientAuthenticationError) as audience:
            for_vaults.user_assigned_identities.get(GROUP, identity.name)
        self.assertEqual(audience.exception.error.code, "InvalidAuthenticationTokenAudience")

    def test_of_two_writes_at_once_one_is_a_conflict(self):
        identity = self.identity()
        self.settings(latency_ms=300)

        def write(name):
            try:
                return self.trust(identity, name, name).name
            except ResourceExistsError as error:
                return error.error.code

        with concurrent.futures.ThreadPoolExecutor() as pool:
            outcomes = sorted(pool.map(write, ["first", "second"]))
        self.assertIn("ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity", outcomes)
        self.assertTrue({"first", "second"} & set(outcomes), outcomes)


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
        with self.assertRaises(ResourceExistsError) as twice:
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


    def test_assignments_are_listed_over_pages_and_what_is_denied_says_so(self):
        identity = self.identity()
        scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
        for role in (KEY_VAULT_SECRETS_USER, "acdd72a7-3385-48ef-bd42-f606fba81ae7"):
            self.assign(identity, role, scope)
        self.settings(page_size=1)
        found = self.roles.role_assignments.list_for_scope(scope, filter=f"principalId eq '{identity.principal_id}'")
        self.assertEqual([len(list(page)) for page in found.by_page()], [1, 1])
        roles = self.roles.role_definitions.list(scope)
        self.assertGreater(len(list(roles)), 20)
        self.settings(deny=[{"operation": "RoleAssignments_Create"}])
        body = RoleAssignmentCreateParameters(role_definition_id="x", principal_id=str(identity.principal_id))
        with self.assertRaises(HttpResponseError) as denied:
            self.roles.role_assignments.create(scope, str(uuid.uuid4()), body)
        self.assertEqual((denied.exception.status_code, denied.exception.error.code), (403, "AuthorizationFailed"))
        with self.assertRaises(ResourceNotFoundError):
            self.roles.role_assignments.get(scope, str(uuid.uuid4()))


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

    def test_an_account_is_replaced_unless_somebody_else_was_faster(self):
        name = self.account()
        account = self.core.read_namespaced_service_account(name, "demo")
        account.metadata.labels = {"team": "shop"}
        replaced = self.core.replace_namespaced_service_account(name, "demo", account)
        self.assertEqual(replaced.metadata.labels, {"team": "shop"})
        with self.assertRaises(kubernetes.client.ApiException) as stale:
            self.core.replace_namespaced_service_account(name, "demo", account)
        self.assertEqual((stale.exception.status, json.loads(stale.exception.body)["reason"]), (409, "Conflict"))

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
