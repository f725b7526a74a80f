/* The OCSP answers of our certificates (RFC 6960), fetched from their servers or read from files,
 * checked, kept and renewed in the main thread, and given to the chains that handshakes show. Knows
 * no client and no listener.
 *
 * An answer outlives a reload: it is kept by its certificate's fingerprint and goes to the new
 * chain at once.
 */
#ifndef REVERSE_PROXY_IO_STAPLES_H
#define REVERSE_PROXY_IO_STAPLES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct reverse_conf;
struct reverse_staples;
struct reverse_tls;
struct tls_chain;

/* loop: borrowed. ENOMEM, or no entropy. */
MUST enum err reverse_staples_new(struct loop *loop, struct reverse_staples **ret);
void reverse_staples_free(struct reverse_staples *s); /* accepts NULL */

/* From now on for the chains of tls, each by its entry in conf. Before they are shown to anybody;
 * conf: borrowed until the next call. ENOMEM: some go without. */
MUST enum err reverse_staples_set(struct reverse_staples *s, const struct reverse_conf *conf,
				  const struct reverse_tls *tls);

/* A certificate that is worthless without (RFC 7633) was not tried yet. */
bool reverse_staples_wait(const struct reverse_staples *s);

struct reverse_staple_facts {
	bool wanted;	  /* it names a server or a file, and its answer is shown */
	uint64_t until_s; /* since 1970; 0: there is none now */
	const char *why;  /* of the last failure; "": it went well, or was not tried */
};
/* Of the certificate of a chain, by its fingerprint. */
void reverse_staples_facts(const struct reverse_staples *s, const struct tls_chain *c,
			   struct reverse_staple_facts *ret);

struct reverse_staples_counts {
	uint64_t wanted, shown; /* certificates, now */
	uint64_t taken, failed; /* answers, so far */
};
void reverse_staples_counts(const struct reverse_staples *s, struct reverse_staples_counts *ret);

#endif
