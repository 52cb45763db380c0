(* T10: a series of rank-one steps W_{l+1} = W_l + α_l (v_l − W_l k_l) k_lᵀ is one triangular system. *)
From Coq Require Import Reals Lra Lia.
From Fwp Require Import Tensor Rules DeltaStep.
Open Scope R_scope.

Section series.
  (* Any rates, values and keys, from the step 0 on; α_l = α(h_l) makes the steps exact ones (wy_exact). *)
  Variables (n m : nat) (W0 : matrix) (alpha : nat -> R) (v k : nat -> vector).

  (* The states, by the generated rule: W_{l+1} = W_l + delta(W_l) at the rate α_l. *)
  Fixpoint wy_state (l : nat) : matrix :=
    match l with
    | O => W0
    | S l => fun i j => wy_state l i j + delta n m (wy_state l) (alpha l) (v l) (k l) i j
    end.

  (* y_l = α_l (v_l − W_l k_l), and the system's matrix T = I + tril(diag(α) K Kᵀ, −1) of the first steps. *)
  Definition wy_write (l : nat) : vector := fun i => alpha l * error m (wy_state l) (v l) (k l) i.
  Definition wy_system (l p : nat) : R :=
    (if Nat.eq_dec l p then 1 else 0) + (if lt_dec p l then alpha l * dot m (k l) (k p) else 0).

  Lemma wy_state_sum : forall l i j, wy_state l i j = W0 i j + sum l (fun p => wy_write p i * k p j).
  Proof.
    induction l; intros i j; simpl; [ring|].
    replace (delta n m (wy_state l) (alpha l) (v l) (k l) i j) with (wy_write l i * k l j)
      by (unfold wy_write, delta, error, mv; ring).
    rewrite IHl. ring.
  Qed.

  (* The row l of T Y: y_l + α_l Σ_{p<l} (k_l·k_p) y_p, in however many rows. *)
  Lemma wy_system_row : forall L l (y : nat -> R), (l < L)%nat ->
    sum L (fun p => wy_system l p * y p) = y l + alpha l * sum l (fun p => dot m (k l) (k p) * y p).
  Proof.
    intros L l y Hl. unfold wy_system.
    rewrite (sum_ext L _ (fun p => (if Nat.eq_dec l p then y p else 0)
                                   + (if lt_dec p l then alpha l * (dot m (k l) (k p) * y p) else 0)))
      by (intros p _; destruct (Nat.eq_dec l p), (lt_dec p l); ring).
    rewrite sum_plus, sum_single by exact Hl. f_equal. rewrite <- sum_scal_l.
    replace L with (l + (L - l))%nat by lia. rewrite sum_app, (sum_eq_zero (L - l)).
    - rewrite Rplus_0_r. apply sum_ext; intros p Hp. destruct (lt_dec p l); [reflexivity | lia].
    - intros p _. destruct (lt_dec (l + p) l); [lia | reflexivity].
  Qed.

  (* T10: the writes solve T Y = diag(α)(V − K W₀ᵀ), … *)
  Theorem wy_solves : forall L l i, (l < L)%nat ->
    sum L (fun p => wy_system l p * wy_write p i) = alpha l * error m W0 (v l) (k l) i.
  Proof.
    intros L l i Hl. rewrite wy_system_row by exact Hl. unfold wy_write at 1, error.
    assert (Hmv : mv m (wy_state l) (k l) i = mv m W0 (k l) i + sum l (fun p => dot m (k l) (k p) * wy_write p i)).
    { unfold mv. rewrite (sum_ext m _ (fun j => W0 i j * k l j + sum l (fun p => wy_write p i * k p j) * k l j))
        by (intros; rewrite wy_state_sum; ring).
      rewrite sum_plus. f_equal.
      rewrite (sum_ext m _ (fun j => sum l (fun p => wy_write p i * k p j * k l j)))
        by (intros; symmetry; apply sum_scal_r).
      rewrite sum_swap. apply sum_ext; intros p _. unfold dot. rewrite <- sum_scal_r. apply sum_ext; intros. ring. }
    rewrite Hmv. ring.
  Qed.

  (* … which has no other solution, T being unit lower triangular … *)
  Theorem wy_unique : forall L (Y Z : nat -> R),
    (forall l, (l < L)%nat -> sum L (fun p => wy_system l p * Y p) = sum L (fun p => wy_system l p * Z p)) ->
    forall l, (l < L)%nat -> Y l = Z l.
  Proof.
    intros L Y Z H l. induction l as [l IH] using lt_wf_ind; intro Hl.
    generalize (H l Hl). rewrite !wy_system_row by exact Hl.
    rewrite (sum_ext l (fun p => dot m (k l) (k p) * Y p) (fun p => dot m (k l) (k p) * Z p)); [lra|].
    intros p Hp. rewrite IH by lia. reflexivity.
  Qed.

  (* … so that every solution Y of the system of L steps gives all L states: W_l = W₀ + Σ_{p<l} y_p k_pᵀ *)
  Theorem wy_identity : forall L (Y : nat -> vector),
    (forall l i, (l < L)%nat -> (i < n)%nat ->
      sum L (fun p => wy_system l p * Y p i) = alpha l * error m W0 (v l) (k l) i) ->
    forall l i j, (l <= L)%nat -> (i < n)%nat -> wy_state l i j = W0 i j + sum l (fun p => Y p i * k p j).
  Proof.
    intros L Y HY l i j Hl Hi. rewrite wy_state_sum. f_equal. apply sum_ext; intros p Hp. f_equal.
    apply (wy_unique L (fun p => wy_write p i) (fun p => Y p i)); [|lia].
    intros q Hq. rewrite HY, wy_solves by assumption. reflexivity.
  Qed.

  (* With α_l = (1 − e^{−β_l κ_l h_l})/κ_l they are the states of exact steps. *)
  Lemma wy_exact : forall (h beta : nat -> R) l i j,
    alpha l = DeltaStep.alpha (beta l) (norm2 m (k l)) (h l) ->
    wy_state (S l) i j = delta_step m (h l) (wy_state l) (beta l) (v l) (k l) i j.
  Proof. intros h beta l i j Ha. simpl. rewrite Ha. reflexivity. Qed.
End series.
