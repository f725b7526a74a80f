#include "lab/certificate.h"

#include "crypto/certificate.h"
#include "os/clock.h"
#include "os/file.h"

#include <stdio.h>

enum { DAY_S = 86400, AUTHORITY_DAYS = 3650, SERVER_DAYS = 365, PATH_SIZE = 512 };

static enum err put(const char *host, const char *name, const char *kind, const char *text)
{
	char path[PATH_SIZE];
	(void)snprintf(path, sizeof(path), LAB_FOLDER "/%s/%s.%s", host, name, kind);
	/* The proxy reads the key as an unprivileged user: it is a secret of nobody, in a place
	 * that only the lab sees. */
	return file_write_atomic(path, span_text(text), 0644);
}

enum err lab_certificate_make(const char *host, const char *name)
{
	AUTO_DONE(certificate_done) struct certificate authority = {0};
	AUTO_DONE(certificate_done) struct certificate server = {0};
	const struct certificate_names names = {.names = &name, .names_n = 1};
	uint64_t from_s = clock_wall_s() - DAY_S;
	struct certificate_time time = {from_s, from_s + (uint64_t)AUTHORITY_DAYS * DAY_S};

	TRY(certificate_authority("Gatehouse lab", &names, time, &authority));
	time.until_s = from_s + (uint64_t)SERVER_DAYS * DAY_S;
	TRY(certificate_issue(&authority, &names, time, &server));
	TRY(file_write_atomic(LAB_AUTHORITY, span_text(authority.chain), 0644));
	TRY(put(host, name, "pem", server.chain));
	return put(host, name, "key", server.key);
}
