//! The reference pages under `docs/`, in the Registry's layout, made from what the provider says of itself and from the
//! files under `examples/`.
//!
//! A test compares them with the committed pages; `make docs` writes them anew.

use std::fmt::Write;
use std::io;
use std::path::Path;

use crate::data_source::AnyDataSource;
use crate::data_sources;
use crate::provider::Provider;
use crate::resource::AnyResource;
use crate::resources;
use crate::schema::{Attribute, Block, Constraint, Kind, Nesting, Schema, any_of};
use crate::value::{Type, to_json};

/// One page: its path below the repository's root, and its text.
#[derive(Debug)]
pub struct Page {
    /// Such as `docs/resources/service_account.md`.
    pub path: String,
    /// The whole file.
    pub text: String,
}

/// What the front page says before its example.
const FRONT: &str = "\
A pod reaches Azure without a secret when the cluster's issuer, a federated identity credential, a service account's annotations, the pod's
label and a role assignment all agree, byte for byte. The resources here make that chain, alone or in one, check it before they write, and try
it afterwards. [How it works](guides/how-it-works.md) shows it in pictures, and [getting started](guides/getting-started.md) makes one, in an
emulator in five minutes and then in a subscription.
";

/// The guides on the front page, in the order in which people need them. One that is not here comes at the end.
const GUIDES: [&str; 14] = [
    "getting-started",
    "how-it-works",
    "from-helm-app",
    "from-aks-lab",
    "from-aks-arc",
    "from-cluster-agent",
    "from-many-service-accounts",
    "sign-in",
    "clusters",
    "least-privilege",
    "troubleshooting",
    "emulator",
    "azure-cli",
    "versions",
];

/// All generated pages. `root` is the repository, for the examples.
///
/// # Errors
/// When an example is missing: every object's page shows one.
pub fn pages(root: &Path) -> io::Result<Vec<Page>> {
    let mut pages = vec![provider(root)?];
    for resource in resources::ALL {
        pages.push(managed(root, *resource)?);
    }
    for source in data_sources::ALL {
        pages.push(looked_up(root, *source)?);
    }
    Ok(pages)
}

fn example(root: &Path, path: &str) -> io::Result<String> {
    let text = std::fs::read_to_string(root.join(path))
        .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
    Ok(text.trim_end().to_owned())
}

fn provider(root: &Path) -> io::Result<Page> {
    let schema = Provider::schema();
    let example = example(root, "examples/provider/provider.tf")?;
    let mut text = format!(
        "---\npage_title: \"Provider: azwi\"\ndescription: |-\n  {}\n---\n\n# azwi Provider\n\n{}\n\n{FRONT}\n## Example Usage\n\n```terraform\n{example}\n```\n\n",
        first_sentence(schema.block.doc),
        schema.block.doc
    );
    write_guides(&mut text, root)?;
    write_schema(&mut text, &schema);
    Ok(Page { path: "docs/index.md".to_owned(), text })
}

/// A table of the guides, with the title and the description that each begins with.
fn write_guides(text: &mut String, root: &Path) -> io::Result<()> {
    let mut guides = Vec::new();
    for entry in std::fs::read_dir(root.join("docs/guides"))? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
        let page = std::fs::read_to_string(&path)?;
        // The line that begins with this in the front matter, or one further down.
        let line = |begin: &str, further: usize| {
            let found = page.lines().skip_while(|line| !line.starts_with(begin)).nth(further);
            found.unwrap_or_default().trim_start_matches(begin).trim().trim_matches('"').to_owned()
        };
        let (title, about) = (line("page_title:", 0), line("description:", 1));
        let place = GUIDES.iter().position(|guide| *guide == name).unwrap_or(GUIDES.len());
        guides.push((place, name, title, about));
    }
    guides.sort();
    text.push_str("## Guides\n\n| | |\n| --- | --- |\n");
    for (_, name, title, about) in guides {
        let _ = writeln!(text, "| [{title}](guides/{name}.md) | {about} |");
    }
    text.push('\n');
    Ok(())
}

fn managed(root: &Path, resource: &dyn AnyResource) -> io::Result<Page> {
    let (name, schema) = (resource.type_name(), resource.describe());
    let example_file = example(root, &format!("examples/resources/{name}/resource.tf"))?;
    let import = example(root, &format!("examples/resources/{name}/import.sh"))?;
    let mut text = opening(name, "Resource", schema.block.doc, &example_file);
    write_schema(&mut text, &schema);
    let _ = write!(
        text,
        "\n## Import\n\nBy the import id, in an `import` block or with the command:\n\n```shell\n{import}\n```\n"
    );
    let _ = write!(
        text,
        "\nWith Terraform 1.12 or OpenTofu 1.12 and later, also by the resource identity:\n\n```terraform\nimport {{\n  to = {name}.this\n  identity = {{\n"
    );
    let identity = resource.describe_identity();
    let widest = identity.iter().map(|attribute| attribute.name.len()).max().unwrap_or_default();
    for attribute in identity {
        let _ = writeln!(text, "    {:widest$} = \"…\" # {}", attribute.name, attribute.doc);
    }
    text.push_str("  }\n}\n```\n");
    let short = name.strip_prefix("azwi_").unwrap_or(name);
    Ok(Page { path: format!("docs/resources/{short}.md"), text })
}

fn looked_up(root: &Path, source: &dyn AnyDataSource) -> io::Result<Page> {
    let (name, schema) = (source.type_name(), source.describe());
    let example = example(root, &format!("examples/data-sources/{name}/data-source.tf"))?;
    let mut text = opening(name, "Data Source", schema.block.doc, &example);
    write_schema(&mut text, &schema);
    let short = name.strip_prefix("azwi_").unwrap_or(name);
    Ok(Page { path: format!("docs/data-sources/{short}.md"), text })
}

/// How the page of a resource or a data source begins.
fn opening(name: &str, kind: &str, doc: &str, example: &str) -> String {
    format!(
        "---\npage_title: \"{name} {kind} - azwi\"\nsubcategory: \"\"\ndescription: |-\n  {}\n---\n\n# {name} ({kind})\n\n{doc}\n\n## Example Usage\n\n```terraform\n{example}\n```\n\n",
        first_sentence(doc)
    )
}

fn first_sentence(doc: &str) -> String {
    let end = doc.find(". ").map_or(doc.len(), |end| end + 1);
    doc.get(..end).unwrap_or(doc).replace('\n', " ")
}

fn write_schema(text: &mut String, schema: &Schema) {
    text.push_str("## Schema\n");
    let mut nested = Vec::new();
    write_members(text, &schema.block, "", &mut nested);
    while !nested.is_empty() {
        for (path, anchor, block) in std::mem::take(&mut nested) {
            let _ = write!(text, "\n<a id=\"{anchor}\"></a>\n### Nested Schema for `{path}`\n");
            write_members(text, &block, &format!("{path}."), &mut nested);
        }
    }
}

/// What is written of a block: its path, its anchor, and its members.
type Nested = (String, String, Block);

fn write_members(text: &mut String, block: &Block, prefix: &str, nested: &mut Vec<Nested>) {
    let groups: [(&str, &[Constraint]); 3] = [
        ("Required", &[Constraint::Required]),
        ("Optional", &[Constraint::Optional, Constraint::OptionalComputed]),
        ("Read-Only", &[Constraint::Computed]),
    ];
    for (title, constraints) in groups {
        let mut lines: Vec<(String, String)> = block
            .attributes
            .iter()
            .filter(|attribute| constraints.contains(&attribute.constraint))
            .map(|attribute| (attribute.name.to_owned(), attribute_line(attribute, prefix, nested)))
            .collect();
        if title == "Optional" {
            lines.extend(block.blocks.iter().map(|inner| (inner.name.to_owned(), block_line(inner, prefix, nested))));
        }
        if lines.is_empty() {
            continue;
        }
        lines.sort();
        let heading = if prefix.is_empty() { format!("\n### {title}\n\n") } else { format!("\n{title}:\n\n") };
        text.push_str(&heading);
        for (_, line) in lines {
            text.push_str(&line);
        }
    }
}

fn attribute_line(attribute: &Attribute, prefix: &str, nested: &mut Vec<Nested>) -> String {
    let mut flags = type_name(&attribute.kind);
    if attribute.sensitive {
        flags.push_str(", Sensitive");
    }
    if attribute.write_only {
        flags.push_str(", Write-only");
    }
    if attribute.deprecated.is_some() {
        flags.push_str(", Deprecated");
    }
    let mut line = format!("- `{}` ({flags}) {}", attribute.name, attribute.description());
    if !attribute.allowed.is_empty() && !attribute.doc.contains(attribute.allowed.first().unwrap_or(&"")) {
        let _ = write!(line, " One of {}.", any_of(attribute.allowed));
    }
    if let Some(default) = &attribute.default {
        let _ = write!(line, " Defaults to `{}`.", to_json(default).to_string().trim_matches('"'));
    }
    if attribute.replaces {
        line.push_str(" A change makes a new object.");
    }
    if let Some(instead) = attribute.deprecated {
        let _ = write!(line, " Deprecated: {instead}");
    }
    if let Kind::Nested(_, attributes) = &attribute.kind {
        let (path, anchor) = (format!("{prefix}{}", attribute.name), anchor("nestedatt", prefix, attribute.name));
        let _ = write!(line, " (see [below for nested schema](#{anchor}))");
        nested.push((path, anchor, Block::root("", attributes.clone())));
    }
    line.push('\n');
    line
}

fn block_line(block: &Block, prefix: &str, nested: &mut Vec<Nested>) -> String {
    let anchor = anchor("nestedblock", prefix, block.name);
    nested.push((format!("{prefix}{}", block.name), anchor.clone(), block.clone()));
    format!("- `{}` (Block) {} (see [below for nested schema](#{anchor}))\n", block.name, block.doc)
}

fn anchor(kind: &str, prefix: &str, name: &str) -> String {
    format!("{kind}--{}{name}", prefix.replace('.', "--"))
}

fn type_name(kind: &Kind) -> String {
    match kind {
        Kind::Nested(Nesting::Single, _) => "Attributes".to_owned(),
        Kind::Nested(Nesting::List, _) => "Attributes List".to_owned(),
        Kind::Nested(Nesting::Set, _) => "Attributes Set".to_owned(),
        Kind::Nested(Nesting::Map, _) => "Attributes Map".to_owned(),
        Kind::Plain(kind) => plain_name(kind),
    }
}

fn plain_name(kind: &Type) -> String {
    match kind {
        Type::String => "String".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::Bool => "Boolean".to_owned(),
        Type::List(element) => format!("List of {}", plain_name(element)),
        Type::Set(element) => format!("Set of {}", plain_name(element)),
        Type::Map(element) => format!("Map of {}", plain_name(element)),
        Type::Object(_) => "Object".to_owned(),
        Type::Tuple(_) => "Tuple".to_owned(),
        Type::Any => "Dynamic".to_owned(),
    }
}
