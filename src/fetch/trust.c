#include "fetch/trust.h"

#include "base/span.h"
#include "crypto/tls.h"
#include "os/file.h"

#include <stdlib.h>

#define FILE_MAX (4u << 20)

/* Debian and its kin, Fedora, SUSE, Alpine. */
static const char *const system_files[] = {"/etc/ssl/certs/ca-certificates.crt",
					   "/etc/pki/tls/certs/ca-bundle.crt",
					   "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

const char *fetch_system_authorities(void)
{
	struct file_state state;
	for (size_t i = 0; i < sizeof(system_files) / sizeof(system_files[0]); i++)
		if (file_stat(system_files[i], &state) == OK && !state.is_dir)
			return system_files[i];
	return NULL;
}

enum err fetch_trust_read(const char *path, struct tls_client **ret)
{
	char *pem = NULL;
	size_t len = 0;
	path = path ? path : fetch_system_authorities();
	if (!path)
		return ERR_ABSENT;
	TRY(file_read(path, FILE_MAX, &pem, &len));
	const struct tls_client_options options = {
		.alpn = {"http/1.1"}, .alpn_n = 1, .authorities_pem = span_of(pem, len)};
	enum err e = len ? tls_client_new(&options, ret) : ERR_FORMAT;
	free(pem);
	return e;
}
