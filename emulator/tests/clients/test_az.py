"""The Azure CLI, which no one here wrote, with the commands of the guides that people follow. What it changed is looked up by Microsoft's SDKs.

It takes a second to start, so tests are long rather than many, and things go with what they are in.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.request

import kubernetes
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import WorkloadIdentityCredential
from cloud import AUDIENCE, GROUP, ISSUER, KEY_VAULT_SECRETS_USER, SUBSCRIPTION, TENANT, URL, seed, unique
from command_line import CommandLine, az, run

HERE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
VAULT = f"{HERE}/Microsoft.KeyVault/vaults/kv-demo"
IN = ("--resource-group", GROUP)


class Accounts(CommandLine):
    def test_who_is_signed_in_is_told_and_gets_tokens(self):
        account = az("account", "show")
        self.assertEqual((account["id"], account["tenantId"]), (SUBSCRIPTION, TENANT))
        self.assertEqual(account["user"], {"name": os.environ["ARM_CLIENT_ID"], "type": "servicePrincipal"})
        self.assertEqual({one["name"] for one in az("account", "list")}, {"Demo", "Second"})
        token = az("account", "get-access-token", "--resource", "https://vault.azure.net")["accessToken"]
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        self.assertEqual(claims["aud"].rstrip("/"), "https://vault.azure.net")

    def test_nothing_but_the_emulator_is_reached(self):
        said = self.refuses("rest", "--url", "https://management.azure.com/subscriptions?api-version=2022-12-01")
        self.assertIn("403 this proxy leads to the emulator, not to management.azure.com", said)

    def test_groups_are_made_listed_and_deleted(self):
        name = unique("rg-az")
        made = az("group", "create", "--name", name, "--location", "West Europe", "--tags", "team=shop")
        self.assertEqual((made["location"], made["tags"]), ("westeurope", {"team": "shop"}))
        self.assertIn(name, az("group", "list", "--query", "[].name"))
        self.assertEqual(az("group", "show", "--name", name)["id"], f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}")
        az("group", "delete", "--name", name, "--yes")
        self.assertIs(az("group", "exists", "--name", name), False)
        self.assertIn("ResourceGroupNotFound", self.refuses("group", "show", "--name", name))


class Identities(CommandLine):
    def test_an_identity_and_its_credentials_live_and_go(self):
        name = unique("az")
        made = az("identity", "create", *IN, "--name", name, "--tags", "team=shop")
        there = self.msi.user_assigned_identities.get(GROUP, name)
        self.assertEqual((made["clientId"], made["location"], there.tags), (str(there.client_id), "westeurope", {"team": "shop"}))
        self.assertEqual(az("identity", "show", *IN, "--name", name, "--query", "principalId"), str(there.principal_id))
        self.assertIn(name, az("identity", "list", *IN, "--query", "[].name"))

        of = (*IN, "--identity-name", name)
        subject = f"system:serviceaccount:demo:{name}"
        trust = ("--issuer", ISSUER, "--audiences", AUDIENCE, "--subject")
        az("identity", "federated-credential", "create", *of, "--name", "aks", *trust, subject)
        [credential] = az("identity", "federated-credential", "list", *of)
        self.assertEqual((credential["issuer"], credential["subject"], credential["audiences"]), (ISSUER, subject, [AUDIENCE]))
        said = self.refuses("identity", "federated-credential", "create", *of, "--name", "twice", *trust, subject)
        self.assertIn("Issuer and subject combination already exists", said)
        az("identity", "federated-credential", "update", *of, "--name", "aks", *trust, f"{subject}-two")
        shown = az("identity", "federated-credential", "show", *of, "--name", "aks", "--query", "subject")
        self.assertEqual(shown, f"{subject}-two")
        az("identity", "federated-credential", "delete", *of, "--name", "aks", "--yes")
        self.assertEqual(list(self.msi.federated_identity_credentials.list(GROUP, name)), [])
        az("identity", "delete", *IN, "--name", name)
        with self.assertRaises(ResourceNotFoundError):
            self.msi.user_assigned_identities.get(GROUP, name)


class Roles(CommandLine):
    def test_a_role_is_assigned_listed_and_taken_away(self):
        identity = self.identity()
        [role] = az("role", "definition", "list", "--name", "Key Vault Secrets User")
        self.assertEqual((role["name"], role["roleType"]), (KEY_VAULT_SECRETS_USER, "BuiltInRole"))
        by_object = ("--assignee-object-id", str(identity.principal_id), "--assignee-principal-type", "ServicePrincipal")
        made = az("role", "assignment", "create", "--role", "Key Vault Secrets User", *by_object, "--scope", VAULT)
        self.assertEqual((made["principalId"], made["scope"]), (str(identity.principal_id), VAULT))
        [listed] = az("role", "assignment", "list", "--assignee", str(identity.principal_id), "--all")
        self.assertEqual(
            (listed["roleDefinitionName"], listed["principalName"], listed["name"]),
            ("Key Vault Secrets User", str(identity.client_id), made["name"]),
        )
        az("role", "assignment", "delete", "--assignee", str(identity.client_id), "--role", "Key Vault Secrets User", "--scope", VAULT)
        self.assertEqual(az("role", "assignment", "list", "--scope", VAULT, *by_object[:2]), [])

    def test_whoever_has_a_client_id_is_found_in_the_directory(self):
        identity = self.identity()
        principal = az("ad", "sp", "show", "--id", str(identity.client_id))
        self.assertEqual(
            (principal["id"], principal["displayName"], principal["servicePrincipalType"]),
            (str(identity.principal_id), identity.name, "ManagedIdentity"),
        )
        self.assertEqual([one["id"] for one in az("ad", "sp", "list", "--display-name", identity.name)], [principal["id"]])
        scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
        made = az("role", "assignment", "create", "--role", "Reader", "--assignee", str(identity.client_id), "--scope", scope)
        self.assertEqual(made["principalId"], str(identity.principal_id))
        self.assertEqual(made["principalType"], "ServicePrincipal")
        run("az", "role", "assignment", "delete", "--ids", made["id"])
        nobody = "70000000-0000-4000-8000-000000000000"
        said = self.refuses("role", "assignment", "create", "--role", "Reader", "--assignee", nobody, "--scope", scope)
        self.assertIn("Cannot find user or service principal in graph database", said)


class Clusters(CommandLine):
    def test_a_cluster_tells_its_issuer_and_its_features(self):
        query = "{id: id, issuer: oidcIssuerProfile.issuerUrl, on: securityProfile.workloadIdentity.enabled}"
        shown = az("aks", "show", *IN, "--name", "demo", "--query", query)
        demo = f"{HERE}/Microsoft.ContainerService/managedClusters/demo"
        self.assertEqual(shown, {"id": demo, "issuer": ISSUER, "on": True})
        self.assertLessEqual({"demo", "second"}, set(az("aks", "list", "--query", "[].name")))

    def test_features_that_are_off_are_switched_on(self):
        name = unique("az")
        seed({"clusters": [{"name": name, "azure": {"resource_group": GROUP, "oidc_issuer": False, "workload_identity": False}}]})
        self.addCleanup(lambda: self.aks.managed_clusters.begin_delete(GROUP, name).result())
        self.assertFalse(self.aks.managed_clusters.get(GROUP, name).oidc_issuer_profile.enabled)
        updated = az("aks", "update", *IN, "--name", name, "--enable-oidc-issuer", "--enable-workload-identity")
        self.assertEqual(updated["oidcIssuerProfile"], {"enabled": True, "issuerUrl": f"{URL}/oidc/{name}/"})
        there = self.aks.managed_clusters.get(GROUP, name)
        self.assertTrue(there.security_profile.workload_identity.enabled)

    def test_credentials_lead_kubectl_to_the_cluster(self):
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/config"
            az("aks", "get-credentials", *IN, "--name", "second", "--file", file)
            az("aks", "get-credentials", *IN, "--name", "demo", "--file", file, "--admin")
            az("aks", "get-credentials", *IN, "--name", "demo", "--file", file)
            for context in ("second", "demo-admin"):
                client = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(file, context))
                self.assertIn("demo", [one.metadata.name for one in client.list_namespace().items])
            # The third wants kubelogin, which gets a token of Entra ID.
            users = kubernetes.config.kube_config.KubeConfigMerger(file).config["users"]
            [user] = [one["user"] for one in users.value if one["name"].startswith("clusterUser") and "exec" in one["user"]]
            self.assertEqual(user["exec"]["command"], "kubelogin")

    def test_an_arc_cluster_is_a_resource_like_others(self):
        edge = f"{HERE}/Microsoft.Kubernetes/connectedClusters/edge"
        shown = az("resource", "show", "--ids", edge)
        self.assertEqual(shown["properties"]["oidcIssuerProfile"], {"enabled": True, "issuerUrl": f"{URL}/oidc/edge/"})
        state = az("rest", "--method", "get", "--url", f"{edge}?api-version=2024-01-01", "--query", "properties.connectivityStatus")
        self.assertEqual(state, "Connected")
        kinds = az("resource", "list", "--resource-type", "Microsoft.Kubernetes/connectedClusters", "--query", "[].id")
        self.assertEqual(kinds, [edge])


class Vaults(CommandLine):
    def test_vaults_are_found_by_their_names_made_and_deleted(self):
        vault = az("keyvault", "show", "--name", "kv-demo")
        self.assertEqual((vault["id"], vault["properties"]["enableRbacAuthorization"]), (VAULT, True))
        name = unique("kv")
        made = az("keyvault", "create", *IN, "--name", name, "--location", "westeurope")
        self.assertTrue(made["properties"]["enableRbacAuthorization"], "as new vaults are")
        self.assertLessEqual({"kv-demo", name}, set(az("keyvault", "list", "--query", "[].name")))
        az("keyvault", "delete", *IN, "--name", name)
        self.assertNotIn(name, az("resource", "list", *IN, "--query", "[].name"))

    def test_secrets_are_behind_roles_and_vaults_behind_their_names(self):
        of = ("--vault-name", "kv-demo")
        said = self.refuses("keyvault", "secret", "show", *of, "--name", "db-password")
        self.assertIn("ForbiddenByRbac", said)
        role = ("--role", "Key Vault Secrets Officer", "--assignee", os.environ["ARM_CLIENT_ID"], "--scope", VAULT)
        self.remains_until_the_end("role", "assignment", "delete", *role)
        az("role", "assignment", "create", *role)
        name = unique("az")
        made = az("keyvault", "secret", "set", *of, "--name", name, "--value", "hello")
        self.assertEqual(az("keyvault", "secret", "show", *of, "--name", name)["value"], "hello")
        self.assertEqual(az("keyvault", "secret", "show", "--id", made["id"])["value"], "hello", "by the vault's own address, too")
        self.assertLessEqual({"db-password", name}, set(az("keyvault", "secret", "list", *of, "--query", "[].name")))
        az("keyvault", "secret", "delete", *of, "--name", name)
        self.assertIn("SecretNotFound", self.refuses("keyvault", "secret", "show", *of, "--name", name))
        said = self.refuses("keyvault", "secret", "list", "--vault-name", "kv-nothing")
        self.assertIn("404 the emulator has no vault kv-nothing", said)


class OtherServices(CommandLine):
    def test_storage_accounts_and_service_bus_namespaces_are_there_for_their_ids(self):
        account, bus = unique("st").replace("-", ""), unique("sb")
        made = az("storage", "account", "create", *IN, "--name", account, "--location", "westeurope", "--sku", "Standard_LRS")
        self.assertEqual(made["primaryEndpoints"]["blob"], f"https://{account}.blob.core.windows.net/")
        shown = az("storage", "account", "show", *IN, "--name", account, "--query", "id")
        self.assertEqual(shown, f"{HERE}/Microsoft.Storage/storageAccounts/{account}")
        self.assertIn(account, az("storage", "account", "list", "--query", "[].name"))
        az("servicebus", "namespace", "create", *IN, "--name", bus, "--location", "westeurope")
        shown = az("servicebus", "namespace", "show", *IN, "--name", bus, "--query", "id")
        self.assertEqual(shown, f"{HERE}/Microsoft.ServiceBus/namespaces/{bus}")
        az("storage", "account", "delete", *IN, "--name", account, "--yes")
        az("servicebus", "namespace", "delete", *IN, "--name", bus)
        self.assertEqual(az("resource", "list", "--name", bus), [])


@unittest.skipUnless(shutil.which("kubectl"), "there is no kubectl on PATH")
class TheGuides(CommandLine):
    """What "Use workload identity with AKS" tells people to run, to the secret that the pod reads."""

    def kubectl(self, *arguments):
        return run("kubectl", "--kubeconfig", self.kubeconfig, "--namespace", "demo", *arguments)

    def test_az_and_kubectl_build_a_chain_that_reads_a_secret(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.kubeconfig = f"{folder.name}/config"
        name = unique("az")
        az("aks", "get-credentials", *IN, "--name", "demo", "--admin", "--file", self.kubeconfig)
        issuer = az("aks", "show", *IN, "--name", "demo", "--query", "oidcIssuerProfile.issuerUrl")
        vault = az("keyvault", "show", "--name", "kv-demo", "--query", "id")
        client = az("identity", "create", *IN, "--name", name, "--query", "clientId")
        self.remains_until_the_end("identity", "delete", *IN, "--name", name)
        role = ("--role", "Key Vault Secrets User", "--assignee", client, "--scope", vault)
        az("role", "assignment", "create", *role)
        self.kubectl("create", "serviceaccount", name)
        self.addCleanup(self.kubectl, "delete", "serviceaccount", name)
        self.kubectl("annotate", "serviceaccount", name, f"azure.workload.identity/client-id={client}")
        subject = f"system:serviceaccount:demo:{name}"
        az("identity", "federated-credential", "create", *IN, "--identity-name", name, "--name", "aks",
           "--issuer", issuer, "--subject", subject, "--audiences", AUDIENCE)
        overrides = json.dumps({"spec": {"serviceAccountName": name}})
        label = "--labels=azure.workload.identity/use=true"
        self.kubectl("run", name, "--image=app", label, "--overrides", overrides)
        self.addCleanup(self.kubectl, "delete", "pod", name, "--now")
        # What the webhook gave the container is what Microsoft's SDK reads there.
        [container] = json.loads(self.kubectl("get", "pod", name, "--output", "json"))["spec"]["containers"]
        given = {one["name"]: one["value"] for one in container["env"]}
        self.assertEqual((given["AZURE_CLIENT_ID"], given["AZURE_TENANT_ID"]), (client, TENANT))
        token = pathlib.Path(folder.name) / "token"
        token.write_text(self.kubectl("create", "token", name, "--audience", AUDIENCE, "--bound-object-kind=Pod", f"--bound-object-name={name}").strip())
        pod = WorkloadIdentityCredential(
            tenant_id=given["AZURE_TENANT_ID"],
            client_id=given["AZURE_CLIENT_ID"],
            token_file_path=str(token),
            authority=given["AZURE_AUTHORITY_HOST"],
            disable_instance_discovery=True,
        )
        self.assertEqual(self.secret(pod), "correct horse battery staple")
        az("role", "assignment", "delete", *role)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.secret(pod)
        self.assertEqual(refused.exception.code, 403)

    def secret(self, credential):
        """The value of the seeded secret, at the address that the vault has in Azure: the emulator is the proxy to it."""
        access = credential.get_token("https://vault.azure.net/.default").token
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"https": URL.replace("https:", "http:")}))
        url = "https://kv-demo.vault.azure.net/secrets/db-password?api-version=7.4"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {access}"})
        with opener.open(request) as answer:
            return json.load(answer)["value"]


class ThePage(CommandLine):
    """The commands of docs/guides/azure-cli.md, as a person has them: a plain az, nothing set but the lines of `env`."""

    def test_its_blocks_run_as_they_stand(self):
        page = (pathlib.Path(__file__).parents[3] / "docs/guides/azure-cli.md").read_text()
        blocks = re.findall(r"^```shell\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 3)
        python = pathlib.Path(__file__).parents[3] / ".tools/python/az/bin/python"
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(os.environ["REQUESTS_CA_BUNDLE"], f"{folder}/ca.pem")
            plain = pathlib.Path(folder) / "az"
            plain.write_text(f'#!/bin/sh\nexec {python} -I -m azure.cli "$@"\n')
            plain.chmod(0o755)
            environment = {
                **os.environ,
                "PATH": f"{folder}:{os.environ['PATH']}",
                "REQUESTS_CA_BUNDLE": f"{folder}/ca.pem",
                "AZURE_CORE_COLLECT_TELEMETRY": "false",
            }
            self.addCleanup(self.msi.user_assigned_identities.delete, GROUP, "reports")
            role = ("--role", "Key Vault Secrets Officer", "--assignee", os.environ["ARM_CLIENT_ID"], "--scope", VAULT)
            self.remains_until_the_end("role", "assignment", "delete", *role)
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(blocks)], env=environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, "hello\n"), done.stderr)
        [credential] = self.msi.federated_identity_credentials.list(GROUP, "reports")
        self.assertEqual((credential.issuer, credential.subject), (ISSUER, "system:serviceaccount:demo:reports"))
        identity = self.msi.user_assigned_identities.get(GROUP, "reports")
        [role] = self.roles.role_assignments.list_for_scope(VAULT, filter=f"principalId eq '{identity.principal_id}'")
        self.assertEqual(role.role_definition_id.rsplit("/", 1)[1], KEY_VAULT_SECRETS_USER)


if __name__ == "__main__":
    unittest.main()
