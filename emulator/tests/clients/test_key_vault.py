"""Azure Key Vault's client: what proves a chain, and what an officer does with secrets."""

import json
import os
import ssl
import unittest
import urllib.request

from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.keyvault.secrets import SecretClient
from cloud import GROUP, KEY_VAULT_SECRETS_OFFICER, KEY_VAULT_SECRETS_USER, SUBSCRIPTION, URL, Clients, unique

KEY_VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"


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

    def test_a_secret_is_changed_listed_over_pages_deleted_recovered_and_purged(self):
        vault_id, uri = self.vault()
        identity, pod = self.bound()
        self.assign(identity, KEY_VAULT_ADMINISTRATOR, vault_id)
        secrets, names = self.secrets(uri, pod), [unique("paged") for _ in range(3)]
        for name in names:
            secrets.set_secret(name, "v", tags={"a": "b"})
        pages = [[one.name for one in page] for page in secrets.list_properties_of_secrets(max_page_size=1).by_page()]
        self.assertGreaterEqual(len(pages), 3)
        self.assertLessEqual(set(names), set(sum(pages, [])))
        changed = secrets.update_secret_properties(names[0], enabled=False, tags={"c": "d"})
        self.assertEqual((changed.enabled, changed.tags), (False, {"c": "d"}))
        with self.assertRaises(HttpResponseError) as disabled:
            secrets.get_secret(names[0])
        self.assertEqual((disabled.exception.status_code, disabled.exception.error.innererror["code"]), (403, "SecretDisabled"))
        self.assertEqual(secrets.begin_delete_secret(names[1]).result().name, names[1])
        with self.assertRaises(ResourceNotFoundError):
            secrets.get_secret(names[1])
        with self.assertRaises(ResourceExistsError) as deleted:
            secrets.set_secret(names[1], "again")
        self.assertEqual(deleted.exception.error.code, "Conflict")
        self.assertEqual(secrets.begin_recover_deleted_secret(names[1]).result().name, names[1])
        self.assertEqual(secrets.get_secret(names[1]).value, "v")
        for name in names:
            secrets.begin_delete_secret(name).wait()
            secrets.purge_deleted_secret(name)
        with self.assertRaises(ResourceNotFoundError):
            secrets.get_deleted_secret(names[2])

    def test_a_token_of_nobody_is_no_authentication(self):
        class Nobody:
            def get_token(self, *scopes, **options):
                return AccessToken("no.token.this", 4_000_000_000)

        with self.assertRaises(ClientAuthenticationError):
            self.secrets(self.vault()[1], Nobody()).get_secret("db-password")


if __name__ == "__main__":
    unittest.main()
