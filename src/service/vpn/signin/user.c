#include "service/vpn/signin/user.h"

#include "base/reader.h"
#include "crypto/secret.h"

#include <assert.h>
#include <string.h>

enum {
	FORMAT = 1,
	IS_ADMINISTRATOR = 1,
	IS_DISABLED = 2,
};

static_assert(1 + 1 + 1 + PASSWORD_RECORD_MAX + 1 + TOTP_SECRET_LEN + 8 + 1 +
			      USER_BACKUP_CODES * USER_BACKUP_HASH_LEN + 1 +
			      USER_PEERS_MAX * (USER_PEER_NAME_MAX + 1) + 8 <=
		      USER_ROW_MAX,
	      "the largest row");

void user_done(struct user *u)
{
	if (u)
		crypto_wipe(u, sizeof(*u));
}

/* --- names --- */

static bool is_name_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("._-@", c) != NULL);
}

enum err user_name_read(struct span text, char ret[USER_NAME_MAX + 1])
{
	char name[USER_NAME_MAX + 1] = "";
	struct span s = span_trim(text);
	if (s.len == 0 || s.len > USER_NAME_MAX)
		return ERR_FORMAT;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (!is_name_letter(c))
			return ERR_FORMAT;
		name[i] = (char)c;
	}
	memcpy(ret, name, sizeof(name));
	return OK;
}

/* --- the user's own list --- */

/* Printable, without blanks: what the configuration takes for a peer's name, and more. */
static bool is_peer_name(struct span s)
{
	if (s.len == 0 || s.len > USER_PEER_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] == 0x7f)
			return false;
	return true;
}

bool user_lists(const struct user *u, const char *peer)
{
	for (size_t i = 0; i < u->peers_n; i++)
		if (strcmp(u->peers[i], peer) == 0 || strcmp(u->peers[i], "*") == 0)
			return true;
	return false;
}

bool user_has_role(const struct user *u, const char *role)
{
	for (size_t i = 0; i < u->peers_n; i++)
		if (u->peers[i][0] == '@' && strcmp(u->peers[i] + 1, role) == 0)
			return true;
	return false;
}

enum err user_list_add(struct user *u, const char *peer)
{
	struct span name = span_text(peer);
	if (!is_peer_name(name))
		return ERR_FORMAT;
	for (size_t i = 0; i < u->peers_n; i++)
		if (strcmp(u->peers[i], peer) == 0)
			return ERR_EXISTS;
	if (u->peers_n == USER_PEERS_MAX)
		return ERR_LIMIT;
	(void)span_to_cstr(name, u->peers[u->peers_n++], sizeof(u->peers[0]));
	return OK;
}

/* --- the row --- */

static void text_write(struct writer *w, const char *text)
{
	write_u8(w, (uint8_t)strlen(text));
	write_text(w, text);
}

void user_row_write(const struct user *u, struct writer *w)
{
	write_u8(w, FORMAT);
	write_u8(w, (uint8_t)((u->administrator ? IS_ADMINISTRATOR : 0) |
			      (u->disabled ? IS_DISABLED : 0)));
	text_write(w, u->password);
	write_u8(w, (uint8_t)u->factor);
	write_bytes(w, u->secret, sizeof(u->secret));
	write_u64(w, u->last_step);
	write_u8(w, (uint8_t)u->backup_n);
	for (size_t i = 0; i < u->backup_n; i++)
		write_bytes(w, u->backup[i], sizeof(u->backup[i]));
	write_u8(w, (uint8_t)u->peers_n);
	for (size_t i = 0; i < u->peers_n; i++)
		text_write(w, u->peers[i]);
	write_u64(w, u->created_ms);
}

/* False: longer than fits, or with a NUL inside. */
static bool text_read(struct reader *r, char *ret, size_t size)
{
	struct span s = read_span(r, read_u8(r));
	return span_find(s, 0) == s.len && span_to_cstr(s, ret, size);
}

static bool backup_read(struct reader *r, struct user *u)
{
	u->backup_n = read_u8(r);
	if (u->backup_n > USER_BACKUP_CODES)
		return false;
	for (size_t i = 0; i < u->backup_n; i++)
		read_bytes(r, u->backup[i], sizeof(u->backup[i]));
	return true;
}

static bool peers_read(struct reader *r, struct user *u)
{
	size_t n = read_u8(r);
	if (n > USER_PEERS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char name[USER_PEER_NAME_MAX + 1];
		if (!text_read(r, name, sizeof(name)) || user_list_add(u, name))
			return false;
	}
	return true;
}

static enum err body_read(struct reader *r, struct user *u)
{
	uint8_t flags = read_u8(r);
	u->administrator = flags & IS_ADMINISTRATOR;
	u->disabled = flags & IS_DISABLED;
	if (flags & ~(IS_ADMINISTRATOR | IS_DISABLED))
		return ERR_FORMAT;
	if (!text_read(r, u->password, sizeof(u->password)))
		return ERR_FORMAT;
	uint8_t factor = read_u8(r);
	if (factor > USER_FACTOR_ACTIVE)
		return ERR_FORMAT;
	u->factor = factor;
	read_bytes(r, u->secret, sizeof(u->secret));
	u->last_step = read_u64(r);
	if (!backup_read(r, u) || !peers_read(r, u))
		return ERR_FORMAT;
	u->created_ms = read_u64(r);
	return reader_end(r);
}

enum err user_row_read(struct span name, struct span row, struct user *ret)
{
	AUTO_DONE(user_done) struct user u = {0};
	struct reader r = reader_of_span(row);
	TRY(user_name_read(name, u.name));
	if (!span_is(name, u.name))
		return ERR_FORMAT;
	uint8_t format = read_u8(&r);
	if (format > FORMAT)
		return ERR_UNSUPPORTED;
	if (format != FORMAT)
		return ERR_FORMAT;
	TRY(body_read(&r, &u));
	*ret = u;
	return OK;
}
