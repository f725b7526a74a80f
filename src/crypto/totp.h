/* Time-based one-time codes (RFC 6238) of six digits, SHA-1 and 30 seconds, which is what every
 * authenticator app does; their secrets as base32 and as otpauth:// URIs. Knows no clock and not
 * which codes were used: time steps are numbers that the caller compares. */
#ifndef CRYPTO_TOTP_H
#define CRYPTO_TOTP_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

enum {
	TOTP_SECRET_LEN = 20, /* RFC 4226 4 R6: 160 bits are recommended */
	TOTP_DIGITS = 6,
	TOTP_STEP_S = 30,
	TOTP_BASE32_MAX = 33, /* of a secret, with its NUL */
	TOTP_URI_MAX = 512,
};

/* RFC 6238 4.2. */
static inline uint64_t totp_step(uint64_t unix_s)
{
	return unix_s / TOTP_STEP_S;
}

/* The code of that step: digits and a NUL. */
MUST enum err totp_code(const uint8_t secret[TOTP_SECRET_LEN], uint64_t step,
			char ret[TOTP_DIGITS + 1]);

/* Of which step is this code: that of unix_s, or `drift` before or after? All are compared, in
 * constant time each. Blanks in the code are passed over. ERR_REFUSED: none. The caller refuses
 * steps that are not after the last one it accepted (RFC 6238 5.2). */
MUST enum err totp_find(const uint8_t secret[TOTP_SECRET_LEN], struct span code, uint64_t unix_s,
			uint32_t drift, uint64_t *ret_step);

/* RFC 4648 6 without padding. */
void totp_base32(const uint8_t secret[TOTP_SECRET_LEN], char ret[TOTP_BASE32_MAX]);

/* otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=…, percent-encoded, as authenticator apps read it
 * from a QR code. Fails only in the writer. */
void totp_uri_write(struct writer *w, const char *issuer, struct span account,
		    const uint8_t secret[TOTP_SECRET_LEN]);

#endif
