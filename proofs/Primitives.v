(* What the primitives and constants of rules mean; tanh, exp, ln, sqrt, Rsqr and Rinv are those of the standard library.
   Coq's functions are total: ln x = 0 for x <= 0, sqrt x = 0 for x < 0, and / 0 is a number that nothing is known of. *)
From Coq Require Import Reals Arith.
From Fwp Require Import Tensor.
Open Scope R_scope.

Definition sigmoid (x : R) : R := 1 / (1 + exp (- x)).
Definition softplus (x : R) : R := ln (1 + exp x).
Definition relu (x : R) : R := Rmax x 0.
Definition normalize (n : nat) (f : nat -> R) (i : nat) : R := f i / sqrt (sum n (fun j => f j * f j)).

Definition eye (i j : nat) : R := if Nat.eqb i j then 1 else 0.
Definition tril (i j : nat) : R := if Nat.leb j i then 1 else 0.
