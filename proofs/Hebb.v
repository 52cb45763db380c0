(* T1: Hebb's equation is a quadrature. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules.
Open Scope R_scope.

Section hebb.
  (* Controls on [a, b], continuous but for finitely many times; W solves Hebb's equation. *)
  Variables (n m : nat) (beta : R -> R) (v k : R -> vector) (breaks : list R) (a b : R) (W : R -> matrix).
  Hypothesis interval : a <= b.
  Hypothesis beta_cont : forall t, a < t < b -> ~ In t breaks -> continuous beta t.
  Hypothesis v_cont : forall t i, a < t < b -> ~ In t breaks -> (i < n)%nat -> continuous (fun s => v s i) t.
  Hypothesis k_cont : forall t j, a < t < b -> ~ In t breaks -> (j < m)%nat -> continuous (fun s => k s j) t.
  Hypothesis solution : solves n m (fun t W => hebb n m W (beta t) (v t) (k t)) breaks a b W.

  (* T1: W(b) = W(a) + ∫_a^b β v kᵀ *)
  Theorem hebb_integral : forall i j, (i < n)%nat -> (j < m)%nat ->
    (forall x y, ex_RInt (fun s => beta s * v s i * k s j) x y) ->
    W b i j = W a i j + RInt (fun s => beta s * v s i * k s j) a b.
  Proof.
    intros i j Hi Hj Hint.
    apply (eq_integral breaks (fun t => W t i j)); [exact interval | exact Hint | | |].
    - intros t Ht. eapply solves_cont; eauto.
    - intros t Ht Hn. generalize (solves_derive _ _ _ _ _ _ _ solution t i j Ht Hn Hi Hj). unfold hebb. auto.
    - intros t Ht Hn. apply (cont_mult (fun s => beta s * v s i) (fun s => k s j)); auto.
      apply (cont_mult beta (fun s => v s i)); auto.
  Qed.

  (* T1: ‖W(b)‖ ≤ ‖W(a)‖ + ∫_a^b β |v| |k|, for β ≥ 0. By ⟨D, W⟩' = β v·(D k) ≤ ‖D‖ β |v| |k| at the matrix D = W(b). *)
  Theorem hebb_growth :
    (forall t, a < t < b -> ~ In t breaks -> 0 <= beta t) ->
    (forall x y, ex_RInt (fun s => beta s * norm n (v s) * norm m (k s)) x y) ->
    fro n m (W b) <= fro n m (W a) + RInt (fun s => beta s * norm n (v s) * norm m (k s)) a b.
  Proof.
    intros Hbeta Hint. set (g := fun s => beta s * norm n (v s) * norm m (k s)) in *. set (D := W b).
    assert (Hg : forall t, a < t < b -> ~ In t breaks -> continuous g t).
    { intros t Ht Hn. apply (cont_mult (fun s => beta s * norm n (v s)) (fun s => norm m (k s))).
      - apply (cont_mult beta (fun s => norm n (v s))); [auto|]. apply cont_norm; auto.
      - apply cont_norm; auto. }
    assert (Hle : inner n m D (W b) <= inner n m D (W a) + RInt (fun s => fro n m D * g s) a b).
    { apply (le_integral breaks (fun t => inner n m D (W t))
               (fun t => inner n m D (hebb n m (W t) (beta t) (v t) (k t)))); [exact interval | | | | |].
      - intros x y. apply (ex_RInt_scal g). apply Hint.
      - intros t Ht. apply (cont_inner n m (fun _ => D) W); intros; [apply cont_const | eapply solves_cont; eauto].
      - intros t Ht Hn.
        apply derive_eq with (inner n m (fun _ _ => 0) (W t) + inner n m D (hebb n m (W t) (beta t) (v t) (k t))).
        + apply (derive_inner n m (fun _ => D) W); intros i j Hi Hj; [apply derive_const|].
          exact (solves_derive _ _ _ _ _ _ _ solution t i j Ht Hn Hi Hj).
        + rewrite (inner_ext n m _ (fun i j => 0 * D i j) (W t) (W t)) by (intros; ring).
          rewrite inner_scal_l. ring.
      - intros t Ht Hn. apply (cont_mult (fun _ => fro n m D) g); [apply cont_const | auto].
      - intros t Ht Hn. unfold hebb, g.
        rewrite (inner_ext n m D D _ (fun i j => beta t * (v t i * k t j))) by (intros; ring).
        rewrite inner_scal_r.
        assert (Hcs := inner_cauchy_schwarz n m D (fun i j => v t i * k t j)). rewrite fro_outer in Hcs.
        assert (Habs := Rle_abs (inner n m D (fun i j => v t i * k t j))).
        replace (fro n m D * (beta t * norm n (v t) * norm m (k t)))
          with (beta t * (fro n m D * (norm n (v t) * norm m (k t)))) by ring.
        apply Rmult_le_compat_l; [auto | lra]. }
    assert (Hscal : RInt (fun s => fro n m D * g s) a b = fro n m D * RInt g a b)
      by (apply (RInt_scal g a b (fro n m D)), Hint).
    rewrite Hscal in Hle. change (inner n m D (W b)) with (fro2 n m D) in Hle. rewrite <- fro_sqr in Hle. fold D.
    assert (Hcs := inner_cauchy_schwarz n m D (W a)). assert (Habs := Rle_abs (inner n m D (W a))).
    destruct (Rle_lt_or_eq_dec 0 (fro n m D) (fro_nonneg n m D)) as [Hpos|<-].
    - apply Rmult_le_reg_l with (fro n m D); lra.
    - apply Rplus_le_le_0_compat; [apply fro_nonneg|].
      apply (integral_nonneg breaks); auto. intros t Ht Hn. unfold g.
      repeat apply Rmult_le_pos; auto; apply norm_nonneg.
  Qed.
End hebb.

(* Hebb's degree in W is 0: the rate does not depend on the state, so increments superpose. *)
Theorem hebb_constant : forall n m W W' beta v k i j, hebb n m W beta v k i j = hebb n m W' beta v k i j.
Proof. reflexivity. Qed.
