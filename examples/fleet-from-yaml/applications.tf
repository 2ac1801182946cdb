# Reads applications.yaml, and finds what is wrong in it: all of it at once, in the words of the file.
locals {
  entries = try(tolist(yamldecode(file(var.applications_file)).applications), yamldecode(file(var.applications_file)).applications, [])

  # By name. Of two entries with one name the first counts until the mistake below is mended.
  applications = {
    for name, entries in { for entry in local.entries : try(tostring(entry.name), "") => entry... } : name => {
      team             = try(tostring(entries[0].team), "")
      namespace        = try(tostring(entries[0].namespace), "")
      service_accounts = try([for account in entries[0].service_accounts : tostring(account)], [name])
      chart            = try(tobool(entries[0].chart), false)
      prove            = try(tobool(entries[0].prove), false)
      access = [
        for access in try(entries[0].access, []) : { role = try(tostring(access.role), ""), at = try(tostring(access.at), "") }
      ]
    }
  }

  known    = ["name", "team", "namespace", "service_accounts", "chart", "prove", "access"]
  names    = [for entry in local.entries : try(tostring(entry.name), "")]
  accounts = flatten([for name, application in local.applications : [for account in application.service_accounts : "${application.namespace}/${account}"]])

  mistakes = concat(
    [for none in [true] : "There is no application in it. To take them all away, run terraform destroy." if length(local.entries) == 0],
    [for number, name in local.names : "Entry ${number + 1} has no name." if name == ""],
    [for name in distinct(local.names) : "${name} is there ${length([for other in local.names : other if other == name])} times. Names are unique in the file." if name != "" && length([for other in local.names : other if other == name]) > 1],
    [for name in distinct(local.names) : "${name} is no name: 3 to 63 lower-case letters, digits and hyphens." if name != "" && !can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", name))],
    flatten([
      for entry in local.entries : [
        for key in try(setsubtract(keys(entry), local.known), []) : "${try(entry.name, "An entry")} has `${key}`, which nothing reads. An entry has ${join(", ", local.known)}."
      ]
    ]),
    flatten([
      for entry in local.entries : [
        for key in ["chart", "prove"] : "${try(entry.name, "An entry")} has a `${key}` that is neither true nor false." if !can(tobool(lookup(entry, key, false)))
      ]
    ]),
    flatten([
      for name, application in local.applications : concat(
        [for key in ["team", "namespace"] : "${name} has no ${key}." if application[key] == ""],
        [for one in [application.namespace] : "${name} has the namespace ${one}: 1 to 63 lower-case letters, digits and hyphens." if one != "" && !can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", one))],
        [for one in [length(application.service_accounts)] : "${name} has ${one} service accounts. An identity serves 1 to 20." if one < 1 || one > 20],
        flatten([
          for access in application.access : concat(
            [for role in [access.role] : "${name} asks for the role ${role == "" ? "without a name" : role}, which is not in roles.tf: ${join(", ", keys(local.roles))}." if !contains(keys(local.roles), role)],
            [for at in [access.at] : "${name} asks for ${access.role} at ${at == "" ? "nothing" : at}, which is not in var.resources: ${join(", ", keys(var.resources))}." if !contains(keys(var.resources), at)],
            [for type in [try(local.roles[access.role], "")] : "${name} asks for ${access.role} at ${access.at}, which is no ${type}." if type != "" && can(var.resources[access.at]) && !strcontains(lower(try(var.resources[access.at], "")), lower("/providers/${type}/"))],
          )
        ]),
        [for access in distinct(application.access) : "${name} asks for ${access.role} at ${access.at} twice." if length([for other in application.access : other if other == access]) > 1],
      ) if name != ""
    ]),
    [for account in distinct(local.accounts) : "The service account ${account} belongs to several applications. Only one can annotate it." if length([for other in local.accounts : other if other == account]) > 1],
  )
}
