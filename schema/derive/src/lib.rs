//! `#[derive(Decode)]`: reads a struct or a plain enum from a node of a file, collecting every fault on the way.
//!
//! It understands the serde attributes that `schemars` and `serde` read as well (`rename_all`, `rename`, `default`), so
//! one declaration gives the parser, the JSON Schema and the printed form. Not here: how scalars are read
//! (`kars_scenario::decode`), and shapes that are told apart by their keys (written by hand beside their type).

mod attributes;

use attributes::{Casing, FieldAttributes, casing_of};
use proc_macro::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, parse_macro_input};

/// Derives `kars_scenario::decode::Decode`.
#[proc_macro_derive(Decode, attributes(serde))]
pub fn decode(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let casing = casing_of(&input.attrs);
    let body = match &input.data {
        Data::Struct(data) => record(&data.fields, casing),
        Data::Enum(data) => choice(data, casing),
        Data::Union(_) => Err(syn::Error::new_spanned(&input.ident, "a union cannot be decoded")),
    };
    let name = &input.ident;
    match body {
        Ok(body) => quote! {
            impl crate::decode::Decode for #name {
                fn decode(node: &crate::node::Node, found: &mut crate::diagnostic::Found) -> Option<Self> {
                    #body
                }
            }
        }
        .into(),
        Err(error) => error.to_compile_error().into(),
    }
}

/// Every field is read before the first missing one ends the function, so that all faults of a record show at once.
fn record(fields: &Fields, casing: Casing) -> syn::Result<proc_macro2::TokenStream> {
    let Fields::Named(named) = fields else {
        return Err(syn::Error::new_spanned(fields, "only structs with named fields and enums are decoded"));
    };
    let mut reads = Vec::new();
    let mut builds = Vec::new();
    for field in &named.named {
        let ident = field.ident.as_ref().expect("named fields have names");
        let attributes = FieldAttributes::of(&field.attrs)?;
        let key = attributes.rename.unwrap_or_else(|| casing.apply(&ident.to_string()));
        let read = if attributes.default {
            quote!(fields.or_default(#key, found))
        } else {
            quote!(fields.required(#key, found))
        };
        reads.push(quote!(let #ident = #read;));
        builds.push(quote!(#ident: #ident?));
    }
    Ok(quote! {
        let mut fields = crate::decode::Fields::open(node, found)?;
        #(#reads)*
        fields.close(found);
        Some(Self { #(#builds),* })
    })
}

fn choice(data: &syn::DataEnum, casing: Casing) -> syn::Result<proc_macro2::TokenStream> {
    let mut names = Vec::new();
    let mut arms = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(variant, "only enums without data are decoded"));
        }
        let attributes = FieldAttributes::of(&variant.attrs)?;
        let name = attributes.rename.unwrap_or_else(|| casing.apply(&variant.ident.to_string()));
        let ident = &variant.ident;
        arms.push(quote!(#name => Some(Self::#ident)));
        names.push(name);
    }
    Ok(quote! {
        const CHOICES: &[&str] = &[#(#names),*];
        match crate::decode::choice(node, CHOICES, found)? {
            #(#arms,)*
            other => unreachable!("`choice` returns one of its choices, not `{other}`"),
        }
    })
}
