/* When a certificate is renewed, and when it is tried again after a failure. Knows no authority,
 * and no clock: times are Unix seconds, chance is an argument. */
#ifndef ACME_RENEWAL_H
#define ACME_RENEWAL_H

#include "acme/acme.h"

/* By the authority's window (RFC 9773 4.2: a moment in it by chance, which may have passed), or,
 * when it has none or one after the certificate's end, after two thirds of the life and up to a
 * twentieth of it later by chance. The same chance gives the same moment: it is drawn once for a
 * certificate. window: NULL or without an end: none. */
uint64_t acme_renewal_due_s(uint64_t from_s, uint64_t until_s, const struct acme_window *window,
			    uint64_t chance);

/* How long to wait after that many failures in a row (1 and up): a minute, doubled each time to six
 * hours, half of it by chance; never less than the authority asked for (bounded by a week). */
uint64_t acme_backoff_s(unsigned failures, uint64_t retry_after_s, uint64_t chance);

#endif
