#include "crypto/totp.h"

#include "crypto/secret.h"

#include <assert.h>
#include <liboath/oath.h>
#include <stdlib.h>

enum err totp_code(const uint8_t secret[TOTP_SECRET_LEN], uint64_t step, char ret[TOTP_DIGITS + 1])
{
	/* RFC 6238 4.2: TOTP is HOTP (RFC 4226) of the time step. */
	char code[TOTP_DIGITS + 1] = "";
	if (oath_init() != OATH_OK ||
	    oath_hotp_generate((const char *)secret, TOTP_SECRET_LEN, step, TOTP_DIGITS, false,
			       OATH_HOTP_DYNAMIC_TRUNCATION, code) != OATH_OK)
		return (enum err)EIO;
	memcpy(ret, code, sizeof(code));
	crypto_wipe(code, sizeof(code));
	return OK;
}

/* Digits as people type them; false: it is none of our codes. */
static bool digits_read(struct span code, char ret[TOTP_DIGITS])
{
	size_t n = 0;
	for (size_t i = 0; i < code.len; i++) {
		uint8_t c = code.data[i];
		if (c == ' ' || c == '-')
			continue;
		if (c < '0' || c > '9' || n == TOTP_DIGITS)
			return false;
		ret[n++] = (char)c;
	}
	return n == TOTP_DIGITS;
}

enum err totp_find(const uint8_t secret[TOTP_SECRET_LEN], struct span code, uint64_t unix_s,
		   uint32_t drift, uint64_t *ret_step)
{
	char typed[TOTP_DIGITS] = "", right[TOTP_DIGITS + 1];
	bool readable = digits_read(code, typed), found = false;
	uint64_t now = totp_step(unix_s), step = 0;
	uint64_t first = now > drift ? now - drift : 0;
	/* The latest step wins, should two steps have one code: the earlier is used up with it. */
	for (uint64_t at = first; at <= now + drift; at++) {
		TRY(totp_code(secret, at, right));
		bool same = crypto_equal(span_of(typed, TOTP_DIGITS), span_of(right, TOTP_DIGITS));
		step = same ? at : step;
		found |= same;
	}
	crypto_wipe(right, sizeof(right));
	crypto_wipe(typed, sizeof(typed));
	if (!readable || !found)
		return ERR_REFUSED;
	*ret_step = step;
	return OK;
}

void totp_base32(const uint8_t secret[TOTP_SECRET_LEN], char ret[TOTP_BASE32_MAX])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	static_assert(TOTP_SECRET_LEN % 5 == 0, "so that nothing is padded");
	static_assert(TOTP_BASE32_MAX == TOTP_SECRET_LEN / 5 * 8 + 1, "and its NUL");
	for (size_t i = 0; i < TOTP_SECRET_LEN / 5; i++) {
		uint64_t bits = 0;
		for (size_t k = 0; k < 5; k++)
			bits = bits << 8 | secret[5 * i + k];
		for (size_t k = 0; k < 8; k++)
			ret[8 * i + k] = alphabet[bits >> (35 - 5 * k) & 31];
	}
	ret[TOTP_BASE32_MAX - 1] = '\0';
}

/* RFC 3986 2.3: all but the unreserved. */
static void percent_write(struct writer *w, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || (c && strchr("-._~", c));
		if (plain)
			write_u8(w, c);
		else
			write_format(w, "%%%02X", c);
	}
}

void totp_uri_write(struct writer *w, const char *issuer, struct span account,
		    const uint8_t secret[TOTP_SECRET_LEN])
{
	char base32[TOTP_BASE32_MAX];
	totp_base32(secret, base32);
	write_text(w, "otpauth://totp/");
	percent_write(w, span_text(issuer));
	write_text(w, ":");
	percent_write(w, account);
	write_text(w, "?secret=");
	write_text(w, base32);
	write_text(w, "&issuer=");
	percent_write(w, span_text(issuer));
	/* What apps assume anyway, said for those that do not. */
	write_format(w, "&algorithm=SHA1&digits=%d&period=%d", TOTP_DIGITS, TOTP_STEP_S);
	crypto_wipe(base32, sizeof(base32));
}
