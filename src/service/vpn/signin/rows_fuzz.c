/* Any bytes as a row of a user or a session: what is read is bounded, and is written back as the
 * same bytes. The first byte chooses the table. */
#include "service/vpn/signin/session.h"
#include "service/vpn/signin/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void user_try(struct span row)
{
	uint8_t room[USER_ROW_MAX];
	struct writer w = writer_of(room, sizeof(room));
	AUTO_DONE(user_done) struct user u = {0};
	if (user_row_read(span_text("anna"), row, &u))
		return;
	ASSERT(u.backup_n <= USER_BACKUP_CODES && u.peers_n <= USER_PEERS_MAX);
	ASSERT(strlen(u.password) < sizeof(u.password));
	(void)user_lists(&u, "phone");
	(void)user_has_role(&u, "staff");
	user_row_write(&u, &w);
	ASSERT(span_equal(writer_span(&w), row));
}

static void session_try(struct span row)
{
	static const uint8_t peer[SESSION_PEER_LEN] = {1};
	static const struct ip_endpoint to = {.address = {.family = 4}};
	uint8_t room[SESSION_ROW_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct session s;
	if (session_row_read(span_of(peer, sizeof(peer)), row, &s))
		return;
	(void)session_is_over(&s, s.active_ms);
	(void)session_move(&s, &to);
	session_row_write(&s, &w);
	ASSERT(span_equal(writer_span(&w), row));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[USER_NAME_MAX + 1];
	if (size == 0)
		return 0;
	struct span rest = span_of(data + 1, size - 1);
	if (data[0] == 0)
		user_try(rest);
	else if (data[0] == 1)
		session_try(rest);
	else if (user_name_read(rest, name) == OK)
		ASSERT(user_name_read(span_text(name), name) == OK);
	return 0;
}
