/* The certificates of a configuration, ours and those of clients' authorities, read from their
 * files and made into what TLS shows and asks at each listener. Knows no connection.
 */
#ifndef REVERSE_PROXY_IO_CERTIFICATES_H
#define REVERSE_PROXY_IO_CERTIFICATES_H

#include "base/err.h"

#include <stddef.h>

struct reverse_conf;
struct tls_chain;
struct tls_server;
struct tls_tickets;

/* Made whole and never changed; belongs to the site. */
struct reverse_tls {
	struct tls_chain **chains; /* chains_n, in the order of the configuration; counted */
	size_t chains_n;
	struct tls_server **servers; /* by place in conf->listen; counted; NULL: without TLS */
	size_t servers_n;
};

/* ERR_CONFIG: a file cannot be used, which the log says with its line in the configuration.
 * tickets: counted by the servers. */
MUST enum err reverse_tls_read(const struct reverse_conf *conf, struct tls_tickets *tickets,
			       struct reverse_tls **ret);
void reverse_tls_free(struct reverse_tls *t); /* accepts NULL */

/* The folders of those files and of those for TLS to servers, each once, which a reload must be
 * able to read. */
MUST enum err reverse_certificates_folders(const struct reverse_conf *conf, char ***ret,
					   size_t *ret_n);
void reverse_certificates_folders_free(char **folders, size_t n); /* accepts NULL */

#endif
