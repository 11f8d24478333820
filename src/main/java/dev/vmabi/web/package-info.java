/** The page: where each pool's fence stands, who holds it down, and what is blocked. It only reads. */
package dev.vmabi.web;
