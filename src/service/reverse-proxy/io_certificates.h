/* The certificates of a configuration, ours and those of clients' authorities, read from their
 * files and made into what TLS shows and asks at each listener. Knows no connection.
 */
#ifndef REVERSE_PROXY_IO_CERTIFICATES_H
#define REVERSE_PROXY_IO_CERTIFICATES_H

#include "base/err.h"

#include <stddef.h>

struct reverse_acme;
struct reverse_conf;
struct tls_chain;
struct tls_server;
struct tls_tickets;

/* Made whole and never changed; belongs to the site. */
struct reverse_tls {
	/* chains_n, in the order of the configuration; counted. One that was ordered and not issued
	 * yet is missing: entries has the places in conf->certificates. */
	struct tls_chain **chains;
	size_t *entries;
	size_t chains_n;
	struct tls_server **servers; /* by place in conf->listen; counted; NULL: without TLS */
	size_t servers_n;
};

/* What it is made from. */
struct reverse_tls_source {
	const struct reverse_conf *conf;
	struct tls_tickets *tickets;	  /* counted by the servers */
	struct reverse_acme *acme;	  /* of whom ordered certificates and proofs are */
	const struct reverse_tls *before; /* NULL, or of this conf: its files are not read anew */
};

/* ERR_CONFIG: a file cannot be used, which the log says with its line in the configuration. */
MUST enum err reverse_tls_read(const struct reverse_tls_source *from, struct reverse_tls **ret);
/* The certificate of that entry, borrowed; NULL: there is none yet. */
struct tls_chain *reverse_tls_chain(const struct reverse_tls *t, size_t entry);
void reverse_tls_free(struct reverse_tls *t); /* accepts NULL */

/* The folders of those files, of those for TLS to servers and of that of countries, each once,
 * which a reload must be able to read: a file that is replaced by renaming is another one. */
MUST enum err reverse_certificates_folders(const struct reverse_conf *conf, char ***ret,
					   size_t *ret_n);
void reverse_certificates_folders_free(char **folders, size_t n); /* accepts NULL */

#endif
