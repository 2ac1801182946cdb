"""AKS by its management client, and the kubeconfig that it hands out by the Kubernetes client."""

import tempfile
import unittest

import kubernetes
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.containerservice.models import (
    ManagedCluster,
    ManagedClusterIdentity,
    ManagedClusterOIDCIssuerProfile,
    ManagedClusterSecurityProfile,
    ManagedClusterSecurityProfileWorkloadIdentity,
)
from cloud import GROUP, URL, Clients, unique


def body(issuer=True, workload_identity=False, location="westeurope"):
    return ManagedCluster(
        location=location,
        dns_prefix="sdk",
        identity=ManagedClusterIdentity(type="SystemAssigned"),
        oidc_issuer_profile=ManagedClusterOIDCIssuerProfile(enabled=issuer),
        security_profile=ManagedClusterSecurityProfile(
            workload_identity=ManagedClusterSecurityProfileWorkloadIdentity(enabled=workload_identity)
        ),
    )


class Clusters(Clients):
    def cluster(self):
        """A new cluster, gone at the end of the test."""
        name = unique("sdk")
        made = self.aks.managed_clusters.begin_create_or_update(GROUP, name, body()).result()
        self.addCleanup(lambda: self.aks.managed_clusters.begin_delete(GROUP, name).result())
        return made

    def test_a_cluster_is_made_changed_and_deleted_by_operations_that_take_their_time(self):
        self.settings(cluster_operation_ms=1500)
        name = unique("sdk")
        making = self.aks.managed_clusters.begin_create_or_update(GROUP, name, body(), polling_interval=1)
        self.assertFalse(making.done())
        self.assertEqual(self.aks.managed_clusters.get(GROUP, name).provisioning_state, "Creating")
        with self.assertRaises(ResourceExistsError) as busy:
            self.aks.managed_clusters.begin_create_or_update(GROUP, name, body())
        self.assertEqual(busy.exception.error.code, "OperationNotAllowed")
        made = making.result()
        self.assertEqual(made.provisioning_state, "Succeeded")
        self.assertTrue(made.oidc_issuer_profile.issuer_url.startswith(f"{URL}/oidc/{name}-"))
        changed = self.aks.managed_clusters.begin_create_or_update(
            GROUP, name, body(workload_identity=True), polling_interval=1
        ).result()
        self.assertTrue(changed.security_profile.workload_identity.enabled)
        self.assertEqual(changed.oidc_issuer_profile.issuer_url, made.oidc_issuer_profile.issuer_url)
        tagged = self.aks.managed_clusters.begin_update_tags(GROUP, name, {"tags": {"a": "b"}}, polling_interval=1).result()
        self.assertEqual(tagged.tags, {"a": "b"})
        self.assertIsNone(self.aks.managed_clusters.begin_delete(GROUP, name, polling_interval=1).result())
        with self.assertRaises(ResourceNotFoundError) as gone:
            self.aks.managed_clusters.get(GROUP, name)
        self.assertEqual(gone.exception.error.code, "ResourceNotFound")

    def test_clusters_are_listed_over_pages_of_group_and_subscription(self):
        self.settings(page_size=1)
        for found in (self.aks.managed_clusters.list_by_resource_group(GROUP), self.aks.managed_clusters.list()):
            pages = [[one.name for one in page] for page in found.by_page()]
            self.assertTrue(all(len(page) == 1 for page in pages), pages)
            self.assertLessEqual({"demo", "second"}, set(sum(pages, [])))

    def test_the_kubeconfig_that_is_handed_out_leads_to_the_cluster(self):
        made = self.cluster()
        for credentials in (
            self.aks.managed_clusters.list_cluster_user_credentials(GROUP, made.name),
            self.aks.managed_clusters.list_cluster_admin_credentials(GROUP, made.name),
        ):
            with tempfile.NamedTemporaryFile() as file:
                file.write(bytes(credentials.kubeconfigs[0].value))
                file.flush()
                client = kubernetes.config.new_client_from_config(file.name)
            names = [one.metadata.name for one in kubernetes.client.CoreV1Api(client).list_namespace().items]
            self.assertIn("kube-system", names)
        self.assertEqual(credentials.kubeconfigs[0].name, "clusterAdmin")

    def test_what_a_cluster_cannot_be_is_the_sdks_error(self):
        with self.assertRaises(HttpResponseError) as without_issuer:
            self.aks.managed_clusters.begin_create_or_update(GROUP, unique("sdk"), body(issuer=False, workload_identity=True))
        self.assertEqual(without_issuer.exception.status_code, 400)
        made = self.cluster()
        with self.assertRaises(HttpResponseError) as disabled:
            self.aks.managed_clusters.begin_create_or_update(GROUP, made.name, body(issuer=False))
        self.assertEqual(disabled.exception.error.code, "OIDCIssuerFeatureCannotBeDisabled")
        with self.assertRaises(HttpResponseError) as moved:
            self.aks.managed_clusters.begin_create_or_update(GROUP, made.name, body(location="eastus"))
        self.assertEqual(moved.exception.error.code, "PropertyChangeNotAllowed")
        with self.assertRaises(ResourceNotFoundError):
            self.aks.managed_clusters.list_cluster_user_credentials(GROUP, unique("nothing"))


if __name__ == "__main__":
    unittest.main()
