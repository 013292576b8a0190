// SPDX-License-Identifier: GPL-2.0-only
/*
 * The struct_ops type bpf_fs_readahead_ops: what the verifier allows a policy
 * to do, how its members are taken over, and what happens when it comes and
 * goes.
 */

#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/ctype.h>
#include <linux/filter.h>
#include <linux/module.h>

#include "raext.h"

BTF_ID_LIST_SINGLE(raext_state_btf_id, struct, bpf_fs_readahead_state)

static struct btf *raext_btf;

/* Verifier */

static bool raext_is_valid_access(int off, int size, enum bpf_access_type type,
				  const struct bpf_prog *prog,
				  struct bpf_insn_access_aux *info)
{
	/* This is what types the argument as a pointer to the state. */
	return bpf_tracing_btf_ctx_access(off, size, type, prog, info);
}

static bool raext_is_writable(int off, int size)
{
	switch (off) {
	case offsetof(struct bpf_fs_readahead_state, start):
		return size == sizeof_field(struct bpf_fs_readahead_state,
					    start);
	case offsetof(struct bpf_fs_readahead_state, size):
		return size == sizeof_field(struct bpf_fs_readahead_state,
					    size);
	case offsetof(struct bpf_fs_readahead_state, async_size):
		return size == sizeof_field(struct bpf_fs_readahead_state,
					    async_size);
	}
	return false;
}

static int raext_btf_struct_access(struct bpf_verifier_log *log,
				   const struct bpf_reg_state *reg,
				   int off, int size)
{
	if (reg->btf != raext_btf || reg->btf_id != raext_state_btf_id[0]) {
		bpf_log(log,
			"readahead_ext: a policy may write to struct bpf_fs_readahead_state only\n");
		return -EACCES;
	}
	if (!raext_is_writable(off, size)) {
		bpf_log(log,
			"readahead_ext: a policy may write start, size and async_size of bpf_fs_readahead_state, not %d bytes at offset %d\n",
			size, off);
		return -EACCES;
	}
	return 0;
}

static const struct bpf_verifier_ops raext_verifier_ops = {
	.get_func_proto = bpf_base_func_proto,
	.is_valid_access = raext_is_valid_access,
	.btf_struct_access = raext_btf_struct_access,
};

/* Members */

static int raext_init(struct btf *btf)
{
	raext_btf = btf;
	return 0;
}

static int raext_check_member(const struct btf_type *t,
			      const struct btf_member *member,
			      const struct bpf_prog *prog)
{
	/* Callbacks run where the kernel must not sleep (see hooks.c). */
	return prog->sleepable ? -EINVAL : 0;
}

static int raext_init_name(char *to, const char *from)
{
	size_t len = strnlen(from, BPF_FS_RA_NAME_LEN);
	size_t i;

	if (len == BPF_FS_RA_NAME_LEN)
		return -ENAMETOOLONG;
	for (i = 0; i < len; i++) {
		/* It becomes a column of the table in debugfs. */
		if (!isgraph(from[i]))
			return -EINVAL;
	}
	memcpy(to, from, len + 1);
	return 1;
}

static int raext_init_member(const struct btf_type *t,
			     const struct btf_member *member,
			     void *kdata, const void *udata)
{
	const struct bpf_fs_readahead_ops *from = udata;
	struct bpf_fs_readahead_ops *to = kdata;

	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct bpf_fs_readahead_ops, name):
		return raext_init_name(to->name, from->name);
	}
	return 0;
}

/* Coming and going */

static int raext_reg(void *kdata, struct bpf_link *link)
{
	return raext_policy_attach(kdata);
}

static void raext_unreg(void *kdata, struct bpf_link *link)
{
	raext_policy_detach(kdata);
}

/* Stubs: they lend the callbacks their prototypes (CFI, argument names). */

static int raext_stub_get_max_ra(struct bpf_fs_readahead_state *s)
{
	return -1;
}

static int raext_stub_get_ra(struct bpf_fs_readahead_state *s)
{
	return -1;
}

static struct bpf_fs_readahead_ops raext_stubs = {
	.get_max_ra = raext_stub_get_max_ra,
	.get_ra = raext_stub_get_ra,
};

/* Registration */

static struct bpf_struct_ops bpf_fs_readahead_struct_ops = {
	.verifier_ops = &raext_verifier_ops,
	.init = raext_init,
	.check_member = raext_check_member,
	.init_member = raext_init_member,
	.reg = raext_reg,
	.unreg = raext_unreg,
	.cfi_stubs = &raext_stubs,
	.name = "bpf_fs_readahead_ops",
	.owner = THIS_MODULE,
};

int raext_ops_register(void)
{
	return register_bpf_struct_ops(&bpf_fs_readahead_struct_ops,
				       bpf_fs_readahead_ops);
}
