/** The algebra of guest ABIs: registers, fields, policies, accept, land, meet and digest. Pure Java, no framework. */
package dev.vmabi.abi;
