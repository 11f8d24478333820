/** The custom resources as Java types, and their mapping to and from the algebra. */
package dev.vmabi.api;
