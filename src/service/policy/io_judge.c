#include "service/policy/io_judge.h"

#include "os/fd.h"
#include "os/log.h"
#include "service/policy/io_lists.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum err write_at(int fd, struct span bytes, size_t at)
{
	while (bytes.len) {
		ssize_t n = pwrite(fd, bytes.data, bytes.len, (off_t)at);
		if (n < 0 && errno != EINTR)
			return err_errno();
		size_t len = n > 0 ? (size_t)n : 0;
		bytes = span_sub(bytes, len, bytes.len);
		at += len;
	}
	return OK;
}

/* A file of this machine may be written to while we read it: a copy is judged and kept. */
static enum err copy(struct list *l)
{
	char *text = NULL;
	size_t len = 0;
	AUTO_DONE(fd_done)
	int fd = open(l->temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno();
	TRY(file_read(l->at, l->most, &text, &len));
	enum err e = write_at(fd, span_of(text, len), KEPT_HEAD_LEN);
	free(text);
	l->next.text_len = len;
	return e;
}

static bool is_kept(const struct list *l, struct span text)
{
	AUTO_DONE(file_unmap) struct file_map map = {0};
	struct kept k;
	struct span old;
	return l->has_kept && l->kept.text_len == text.len && file_map(l->path, &map) == OK &&
	       kept_read(map.bytes, &k, &old) == OK && span_equal(old, text);
}

static enum err folder_sync(const char *path)
{
	char *folder = file_folder(path);
	AUTO_DONE(fd_done)
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	free(folder);
	return fd < 0 || fsync(fd) < 0 ? err_errno() : OK;
}

/* The old one or the new one is there at any moment, and whole. */
static enum err commit(const struct list *l)
{
	uint8_t head[KEPT_HEAD_LEN];
	AUTO_DONE(fd_done) int fd = open(l->temp, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno();
	kept_write(&l->next, head);
	TRY(write_at(fd, span_of(head, sizeof(head)), 0));
	if (fsync(fd) < 0 || rename(l->temp, l->path) < 0)
		return err_errno();
	return folder_sync(l->path);
}

static enum policy_shrinking shrinking_of(const struct list *l)
{
	/* Who shortens a file of his own means it. */
	if (l->force || !l->is_url)
		return POLICY_SHRINKS_TO_NOTHING;
	return l->moved ? POLICY_SHRINKS : POLICY_SHRINKS_HALF;
}

static enum err judge(struct list *l)
{
	AUTO_DONE(file_unmap) struct file_map map = {0};
	if (!l->is_url)
		TRY(copy(l));
	/* An empty text ends ahead of where texts begin: nothing was written. */
	struct span text = {0};
	if (l->next.text_len) {
		TRY(file_map(l->temp, &map));
		text = span_sub(map.bytes, KEPT_HEAD_LEN, map.bytes.len);
	}
	if (text.len != l->next.text_len)
		return (enum err)EIO;
	l->refused = policy_judge(text, l->names_before, shrinking_of(l), &l->judged);
	l->next.names = l->judged.names;
	l->same = is_kept(l, text);
	return l->refused ? OK : commit(l);
}

void list_judge(struct list *l)
{
	l->refused = NULL;
	l->same = false;
	l->err = judge(l);
	if (l->err || l->refused)
		(void)unlink(l->temp);
}
