#include "service/dhcp-client/io_store.h"

#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_MODE = 0600 };

static enum err path_of(char *room, size_t size, const char *folder, const char *name,
			const char *ending)
{
	int n = snprintf(room, size, "%s/%s%s", folder, name, ending);
	return n > 0 && (size_t)n < size ? OK : ERR_LIMIT;
}

enum err store_duid(const char *folder, struct span mac, uint64_t now_s, struct duid *ret)
{
	char path[4096], *text = NULL, written[DUID_TEXT_MAX + 1];
	size_t len = 0;
	struct duid duid;
	TRY(path_of(path, sizeof(path), folder, "duid", ""));
	enum err e = file_read(path, sizeof(written), &text, &len);
	if (!e)
		e = duid_parse(
			span_trim(span_of(text, len && text[len - 1] == '\n' ? len - 1 : len)),
			ret);
	free(text);
	if (e != (enum err)ENOENT)
		return e;
	TRY(duid_make_llt(1, duid_time(now_s), mac, &duid));
	len = duid_format(duid_span(&duid), written);
	written[len++] = '\n';
	TRY(file_write_atomic(path, span_of(written, len), FILE_MODE));
	*ret = duid;
	return OK;
}

enum err store_init(struct store *s, const char *folder, const char *interface, uint64_t owner)
{
	s->owner = owner;
	return path_of(s->path, sizeof(s->path), folder, interface, ".lease");
}

enum err store_read(const struct store *s, uint8_t room[DHCP_MESSAGE_MAX], struct lease_file *ret)
{
	char *text = NULL;
	size_t len = 0;
	TRY(file_read(s->path, LEASE_FILE_MAX, &text, &len));
	enum err e = lease_file_read(span_of(text, len), room, ret);
	free(text);
	return e;
}

enum err store_write(const struct store *s, struct lease_file *f)
{
	uint8_t text[LEASE_FILE_MAX];
	struct writer w = writer_of(text, sizeof(text));
	f->owner = s->owner;
	lease_file_write(f, &w);
	TRY(writer_check(&w));
	return file_write_atomic(s->path, writer_span(&w), FILE_MODE);
}

bool store_is_taken(const struct store *s)
{
	uint8_t room[DHCP_MESSAGE_MAX];
	struct lease_file f;
	return store_read(s, room, &f) == OK && f.owner != s->owner;
}
