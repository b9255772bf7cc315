package main

import (
	"encoding/json"
	"errors"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"teahouse/bench/proof"
)

func fairCommand() *cobra.Command {
	var walls bool
	cmd := &cobra.Command{
		Use: "fair FILE", Short: "Recompute the walls of played hands from the revealed seeds", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			return proof.Verify(cmd.Context(), in, cmd.OutOrStdout(), walls)
		},
	}
	cmd.Flags().BoolVar(&walls, "walls", false, "print the walls, in the order in which they are drawn")
	return cmd
}

// prover writes proofs to a file until closed; an empty name wants none.
func prover(file string) (collect func(*proof.Record), closed func() error, err error) {
	if file == "" {
		return nil, func() error { return nil }, nil
	}
	out, err := os.Create(file)
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	var failed error
	enc := json.NewEncoder(out)
	collect = func(r *proof.Record) {
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, enc.Encode(r))
	}
	return collect, func() error { return errors.Join(failed, out.Close()) }, nil
}
