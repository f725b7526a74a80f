/* The certificates of a configuration, read from their files and made into what TLS shows to
 * clients. Knows no connection.
 */
#ifndef REVERSE_PROXY_IO_CERTIFICATES_H
#define REVERSE_PROXY_IO_CERTIFICATES_H

#include "base/err.h"

#include <stddef.h>

struct reverse_conf;
struct tls_server;
struct tls_tickets;

/* NULL when there are none. ERR_CONFIG: a file cannot be used, which the log says with its line in
 * the configuration. tickets: counted by the server. */
MUST enum err reverse_certificates_read(const struct reverse_conf *conf,
					struct tls_tickets *tickets, struct tls_server **ret);

/* The folders of those files, each once, which a reload must be able to read. */
MUST enum err reverse_certificates_folders(const struct reverse_conf *conf, char ***ret,
					   size_t *ret_n);
void reverse_certificates_folders_free(char **folders, size_t n); /* accepts NULL */

#endif
